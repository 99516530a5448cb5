//! Lists: by type below a scope, in pages.

use axum::response::Response;
use bartizan_api::{ApiError, types};
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{ListQuery, Resource};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::arm::filter::Filter;
use crate::arm::{Call, answer, kinds, scope};
use crate::http::{Failure, base_url, query_pairs, query_value};

/// Resources in one page, unless `$top` says less.
const PAGE: u32 = 500;
/// Types that hang on other resources and are not listed among them.
const ATTACHED: [&str; 4] = [
    "microsoft.security/",
    "microsoft.policyinsights/",
    "microsoft.authorization/",
    "microsoft.securityinsights/",
];

/// `GET {scope}/providers/{type}`.
pub(super) async fn of_type(
    call: &Call,
    scope: &ResourceId,
    resource_type: &str,
) -> Result<Response, Failure> {
    let app = &call.app;
    let info = types::find_collection(resource_type).ok_or_else(|| types::unknown(resource_type))?;
    scope::check_subscription(app, scope)?;
    // Everybody who is signed in may see what is computed for the tenant, and nothing that is stored: no
    // role reaches above the subscription.
    let tenant_level = scope.subscription().is_none();
    if !tenant_level {
        app.authorize(&call.caller, &format!("{}/read", info.name), scope).await?;
    }
    let options = Options::read(call)?;
    let kind = kinds::find(info.name);
    // What is not stored comes with the first page; these are few.
    let computed = match options.after {
        None => kind.absent_all(app, scope).await?,
        Some(_) => Vec::new(),
    };
    if options.needs_all() {
        let mut all = computed;
        if !tenant_level {
            all.extend(app.records.list_all(scope, info.name).await?);
        }
        return Ok(sorted_page(call, &options, scope, all));
    }
    if tenant_level {
        return Ok(answer::list(computed.iter().map(answer::shown).collect(), None));
    }
    let page = app
        .records
        .list(ListQuery {
            scope: scope.clone(),
            resource_type: Some(info.name),
            direct: false,
            after: options.after.clone(),
            limit: options.top.min(PAGE),
        })
        .await?;
    let stored: Vec<Value> = page.items.iter().map(answer::shown).collect();
    // A stored resource hides the default of the same id, whichever page it is on.
    let mut values = Vec::new();
    for resource in &computed {
        if app.records.get(&resource.id).await?.is_none() {
            values.push(answer::shown(resource));
        }
    }
    values.extend(stored);
    Ok(answer::list(values, page.next.map(|next| next_link(call, &next))))
}

/// `GET {scope}/{word}`.
pub(super) async fn word(call: &Call, scope: &ResourceId, word: &str) -> Result<Response, Failure> {
    let app = &call.app;
    scope::check_subscription(app, scope)?;
    match word.to_ascii_lowercase().as_str() {
        "locations" => Ok(answer::list(
            vec![json!({
                "id": format!("{scope}/locations/{}", app.home.location), "name": app.home.location,
                "displayName": "Local", "regionalDisplayName": "Local", "type": "Region",
                "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
            })],
            None,
        )),
        "resources" => {
            app.authorize(&call.caller, "Microsoft.Resources/subscriptions/resources/read", scope).await?;
            let options = Options::read(call)?;
            let query = ListQuery {
                scope: scope.clone(),
                resource_type: None,
                direct: false,
                after: None,
                limit: PAGE,
            };
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let page = app.records.list(ListQuery { after, ..query.clone() }).await?;
                all.extend(page.items.into_iter().filter(is_resource));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            Ok(sorted_page(call, &options, scope, all))
        }
        "tagnames" => Ok(answer::list(Vec::new(), None)),
        _ => Err(Failure(ApiError::coded(
            ErrorKind::NotFound,
            "InvalidPath",
            format!("Nothing is served at `{scope}/{word}`."),
        ))),
    }
}

/// A resource of a group, in the sense of "list resources": no child, no setting of another.
fn is_resource(resource: &Resource) -> bool {
    let in_group = resource
        .id
        .parent()
        .is_some_and(|parent| !parent.key().contains("/providers/") && parent.resource_group().is_some());
    let attached =
        ATTACHED.iter().any(|prefix| resource.resource_type.to_ascii_lowercase().starts_with(prefix));
    in_group && !attached
}

/// Filtered, sorted and cut by position.
fn sorted_page(call: &Call, options: &Options, scope: &ResourceId, all: Vec<Resource>) -> Response {
    let mut all: Vec<Resource> = all
        .into_iter()
        .filter(|resource| !options.exact_scope || resource.id.parent().as_ref() == Some(scope))
        .collect();
    let mut values: Vec<Value> = Vec::new();
    if let Some((path, descending)) = &options.order_by {
        let key = |resource: &Resource| path_text(&answer::shown(resource), path);
        all.sort_by_cached_key(key);
        if *descending {
            all.reverse();
        }
    }
    values.extend(all.iter().map(answer::shown).filter(|value| options.filter.holds(value)));
    let skip = options.after.as_deref().and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let top = options.top.min(PAGE) as usize;
    let more = values.len() > skip.saturating_add(top);
    let page: Vec<Value> = values.into_iter().skip(skip).take(top).collect();
    answer::list(page, more.then(|| next_link(call, &(skip + top).to_string())))
}

fn path_text(value: &Value, path: &str) -> String {
    let pointer = format!("/{}", path.trim_start_matches('/'));
    match value.pointer(&pointer) {
        Some(Value::String(text)) => text.clone(),
        // Numbers of one width sort as text.
        Some(Value::Number(number)) => format!("{:020.6}", number.as_f64().unwrap_or_default()),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

struct Options {
    after: Option<String>,
    top: u32,
    filter: Filter,
    exact_scope: bool,
    order_by: Option<(String, bool)>,
}

impl Options {
    fn read(call: &Call) -> Result<Self, Failure> {
        let uri = &call.parts.uri;
        let wrong = |name: &str| Failure(ApiError::invalid(format!("`{name}` cannot be read.")));
        let after = match query_value(uri, "$skipToken") {
            None => None,
            Some(text) => {
                let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong("$skipToken"))?;
                Some(String::from_utf8(bytes).map_err(|_| wrong("$skipToken"))?)
            }
        };
        let top = match query_value(uri, "$top") {
            None => PAGE,
            Some(text) => text.parse().ok().filter(|top| *top > 0).ok_or_else(|| wrong("$top"))?,
        };
        let filter = query_value(uri, "$filter").unwrap_or_default();
        let exact_scope = filter.to_ascii_lowercase().contains("atexactscope()");
        let order_by = query_value(uri, "$orderby").filter(|text| !text.trim().is_empty()).map(|text| {
            let (path, direction) = text.trim().split_once(' ').unwrap_or((text.trim(), "asc"));
            (path.to_owned(), direction.trim().eq_ignore_ascii_case("desc"))
        });
        let filter = Filter::parse(&filter)?;
        Ok(Self { after, top, filter, exact_scope, order_by })
    }

    fn needs_all(&self) -> bool {
        self.exact_scope || !self.filter.is_empty() || self.order_by.is_some()
    }
}

/// This request with another `$skipToken`.
fn next_link(call: &Call, after: &str) -> String {
    let uri = &call.parts.uri;
    let base = base_url(&call.parts.headers, uri, &call.app.public_url);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in query_pairs(uri).iter().filter(|(key, _)| !key.eq_ignore_ascii_case("$skipToken")) {
        query.append_pair(key, value);
    }
    query.append_pair("$skipToken", &URL_SAFE_NO_PAD.encode(after));
    format!("{base}{}?{}", uri.path(), query.finish())
}
