//! Lists: by type below a scope, in pages.

use std::collections::BTreeMap;

use axum::response::Response;
use bartizan_api::{ApiError, types};
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{ListQuery, Resource};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::expand::Expand;
use crate::arm::filter::Filter;
use crate::arm::kind::Kind;
use crate::arm::{Call, Sight, answer, kinds, scope, views};
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

/// Types that hold below the scope they are at, so that a list at a scope has those of the scopes above it too.
const INHERITED: [&str; 6] = [
    "Microsoft.Authorization/policyAssignments",
    "Microsoft.Authorization/policyDefinitions",
    "Microsoft.Authorization/policyExemptions",
    "Microsoft.Authorization/policySetDefinitions",
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
];

/// `GET {scope}/providers/{type}`.
pub(super) async fn of_type(
    call: &Call,
    scope: &ResourceId,
    resource_type: &str,
) -> Result<Response, Failure> {
    let app = &call.app;
    if let Some(view) = views::find(call, scope, resource_type).await? {
        return Ok(view);
    }
    let info = types::find_collection(resource_type).ok_or_else(|| types::unknown(resource_type))?;
    // Everybody who is signed in may see what is computed for the tenant, and nothing that is stored there.
    let tenant_level = scope::is_tenant_level(scope);
    let options = Options::read(call)?;
    if !tenant_level {
        let action = format!("{}/read", info.name);
        if let Err(refused) = app.authorize(&call.caller, &action, scope).await {
            return part(call, scope, info.name, &options, refused).await;
        }
    }
    let kind = kinds::find(info.name);
    // What is not stored comes with the first page; these are few.
    let computed = match options.after {
        None => kind.absent_all(app, scope).await?,
        Some(_) => Vec::new(),
    };
    let inherited = !tenant_level && INHERITED.contains(&info.name);
    if options.needs_all() || inherited {
        let mut all = computed;
        if !tenant_level {
            if inherited && !options.exact_scope {
                all.extend(above(call, scope, info.name).await?);
            }
            let stored = app.records.list_all(scope, info.name).await?;
            let here = |resource: &Resource| {
                !(inherited && options.at_scope) || resource.id.parent().as_ref() == Some(scope)
            };
            all.extend(stored.into_iter().filter(here));
        }
        present(app, kind, &mut all).await?;
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
    // A stored resource hides the default of the same id, whichever page it is on.
    let mut shown = Vec::new();
    for resource in computed {
        if app.records.get(&resource.id).await?.is_none() {
            shown.push(resource);
        }
    }
    shown.extend(page.items);
    present(app, kind, &mut shown).await?;
    let values = shown.iter().map(answer::shown).collect();
    Ok(answer::list(values, page.next.map(|next| next_link(call, &next))))
}

async fn present(app: &App, kind: &dyn Kind, resources: &mut [Resource]) -> Result<(), Failure> {
    for resource in resources {
        kind.present(app, resource).await?;
    }
    Ok(())
}

/// What scopes above `scope` have of a type that holds below them.
async fn above(call: &Call, scope: &ResourceId, resource_type: &str) -> Result<Vec<Resource>, Failure> {
    let map = call.app.access_map().await?;
    let mut out = Vec::new();
    for scope in map.hierarchy.scopes_above(scope) {
        let query = ListQuery { direct: true, ..ListQuery::of_type(scope, resource_type) };
        let mut after = None;
        loop {
            let page = call.app.records.list(ListQuery { after, ..query.clone() }).await?;
            out.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(out)
}

/// The list of a caller who may not read at `scope` but somewhere below it: what lies there.
async fn part(
    call: &Call,
    scope: &ResourceId,
    resource_type: &str,
    options: &Options,
    refused: Failure,
) -> Result<Response, Failure> {
    let scopes = Sight::of(&call.app, &call.caller).await?.scopes(&format!("{resource_type}/read"));
    let scopes: Vec<ResourceId> = scopes.into_iter().filter(|at| at.is_within(scope)).collect();
    if scopes.is_empty() {
        return Err(refused);
    }
    let mut found: BTreeMap<ResourceId, Resource> = BTreeMap::new();
    for at in scopes {
        let itself = call.app.records.get(&at).await?;
        let itself = itself.filter(|resource| resource.resource_type.eq_ignore_ascii_case(resource_type));
        let below = call.app.records.list_all(&at, resource_type).await?;
        found.extend(itself.into_iter().chain(below).map(|resource| (resource.id.clone(), resource)));
    }
    let mut found: Vec<Resource> = found.into_values().collect();
    present(&call.app, kinds::find(resource_type), &mut found).await?;
    Ok(sorted_page(call, options, scope, found))
}

/// `GET {scope}/{word}`.
pub(super) async fn word(call: &Call, scope: &ResourceId, word: &str) -> Result<Response, Failure> {
    let app = &call.app;
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
            let mut sight = Sight::of(app, &call.caller).await?;
            // A role below is enough to ask; each resource is looked at by itself.
            let scopes = sight.scopes("Microsoft.Resources/subscriptions/resources/read");
            let tree = &sight.map().hierarchy;
            if !scopes.iter().any(|at| tree.contains(at, scope) || at.is_within(scope)) {
                let action = "Microsoft.Resources/subscriptions/resources/read";
                return Err(Failure::forbidden(&call.caller.actor.name, action, scope.as_str()));
            }
            let options = Options { expand: Expand::read(call)?, ..Options::read(call)? };
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
                let mut seen = |resource: &Resource| {
                    is_resource(resource)
                        && sight.sees(&resource.id, &resource.resource_type.to_ascii_lowercase())
                };
                all.extend(page.items.into_iter().filter(|resource| seen(resource)));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            Ok(sorted_page(call, &options, scope, all))
        }
        "tagnames" if scope.resource_group().is_none() => views::tag_names(call, scope).await,
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
    let shown = |resource: &Resource| options.expand.show(resource, answer::shown(resource));
    values.extend(all.iter().map(shown).filter(|value| options.filter.holds(value)));
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
    /// Only what is at the scope itself.
    exact_scope: bool,
    /// Nothing that is below the scope.
    at_scope: bool,
    order_by: Option<(String, bool)>,
    expand: Expand,
}

impl Options {
    fn read(call: &Call) -> Result<Self, Failure> {
        let uri = &call.parts.uri;
        let wrong = |name: &str| Failure(ApiError::invalid(format!("`{name}` cannot be read.")));
        let after = after(call)?;
        let top = match query_value(uri, "$top") {
            None => PAGE,
            Some(text) => text.parse().ok().filter(|top| *top > 0).ok_or_else(|| wrong("$top"))?,
        };
        let filter = query_value(uri, "$filter").unwrap_or_default();
        let words = filter.to_ascii_lowercase();
        let (exact_scope, at_scope) = (words.contains("atexactscope()"), words.contains("atscope()"));
        let order_by = query_value(uri, "$orderby").filter(|text| !text.trim().is_empty()).map(|text| {
            let (path, direction) = text.trim().split_once(' ').unwrap_or((text.trim(), "asc"));
            (path.to_owned(), direction.trim().eq_ignore_ascii_case("desc"))
        });
        let filter = Filter::parse(&filter)?;
        Ok(Self { after, top, filter, exact_scope, at_scope, order_by, expand: Expand::default() })
    }

    fn needs_all(&self) -> bool {
        self.exact_scope || !self.filter.is_empty() || self.order_by.is_some()
    }
}

/// What `$skipToken` carries: the `next` of the page before.
pub(crate) fn after(call: &Call) -> Result<Option<String>, Failure> {
    let wrong = || Failure(ApiError::invalid("`$skipToken` cannot be read."));
    let Some(text) = query_value(&call.parts.uri, "$skipToken") else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
    String::from_utf8(bytes).map(Some).map_err(|_| wrong())
}

/// This request with another `$skipToken`.
pub(crate) fn next_link(call: &Call, after: &str) -> String {
    let uri = &call.parts.uri;
    let base = base_url(&call.parts.headers, uri, &call.app.public_url);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in query_pairs(uri).iter().filter(|(key, _)| !key.eq_ignore_ascii_case("$skipToken")) {
        query.append_pair(key, value);
    }
    query.append_pair("$skipToken", &URL_SAFE_NO_PAD.encode(after));
    format!("{base}{}?{}", uri.path(), query.finish())
}
