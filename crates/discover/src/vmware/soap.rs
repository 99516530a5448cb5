//! The calls that are needed, as SOAP messages.

use reqwest::header::{COOKIE, SET_COOKIE};

use crate::error::{DiscoverError, shown};
use crate::http::{Http, HttpsOptions};
use crate::xml::{self, escape};

/// Objects of one page.
const PAGE_SIZE: usize = 250;

/// A vSphere service and our session with it.
pub(super) struct Service {
    pub(super) http: Http,
    cookie: String,
    root: Reference,
    collector: Reference,
    views: Reference,
    sessions: Reference,
}

/// A managed object: its type and name.
struct Reference {
    ty: String,
    id: String,
}

/// All objects of some types, with some of their properties.
pub(super) struct View<'a> {
    pub(super) types: &'a [&'a str],
    /// For each type its properties; a type that comes from another has those of its own.
    pub(super) properties: &'a [(&'a str, &'a [&'a str])],
}

impl Service {
    /// Asks the service what it is made of.
    pub(super) async fn open(endpoint: &str, https: &HttpsOptions) -> Result<Self, DiscoverError> {
        let http = Http::new("vmware", endpoint, https)?;
        let nobody = Reference { ty: "ServiceInstance".to_owned(), id: "ServiceInstance".to_owned() };
        let (answer, cookie) = call(&http, "", "RetrieveServiceContent", &this(&nobody)).await?;
        let reference = |name: &str| {
            let document = xml::parse(&answer).ok()?;
            let element =
                xml::below(document.root(), "returnval").and_then(|content| xml::child(content, name))?;
            Some(Reference { ty: element.attribute("type")?.to_owned(), id: element.text()?.to_owned() })
        };
        let need = |name: &str| {
            reference(name).ok_or_else(|| {
                http.error(
                    format!("has no `{name}` in its content"),
                    "check that `endpoint` is a vCenter or ESXi",
                )
            })
        };
        let (root, collector) = (need("rootFolder")?, need("propertyCollector")?);
        let (views, sessions) = (need("viewManager")?, need("sessionManager")?);
        Ok(Self { http, cookie, root, collector, views, sessions })
    }

    pub(super) async fn log_in(&mut self, user: &str, password: &str) -> Result<(), DiscoverError> {
        let body = format!(
            "{}<userName>{}</userName><password>{}</password>",
            this(&self.sessions),
            escape(user),
            escape(password)
        );
        let (_, cookie) = call(&self.http, &self.cookie, "Login", &body).await?;
        if !cookie.is_empty() {
            self.cookie = cookie;
        }
        Ok(())
    }

    pub(super) async fn log_out(&self) -> Result<(), DiscoverError> {
        self.call("Logout", &this(&self.sessions)).await.map(drop)
    }

    /// The first page of a view of everything below the root.
    pub(super) async fn retrieve(&self, view: &View<'_>) -> Result<String, DiscoverError> {
        let types: String = view.types.iter().map(|ty| format!("<type>{ty}</type>")).collect();
        let body = format!(
            "{}<container type=\"{}\">{}</container>{types}<recursive>true</recursive>",
            this(&self.views),
            escape(&self.root.ty),
            escape(&self.root.id)
        );
        let made = self.call("CreateContainerView", &body).await?;
        let id = xml::parse(&made)
            .ok()
            .and_then(|document| {
                xml::below(document.root(), "returnval").and_then(|id| id.text().map(str::to_owned))
            })
            .ok_or_else(|| {
                self.http.error("makes no view of its machines", "check that `endpoint` is a vCenter or ESXi")
            })?;
        let wanted: String = view
            .properties
            .iter()
            .map(|(ty, paths)| {
                let paths: String = paths.iter().map(|path| format!("<pathSet>{path}</pathSet>")).collect();
                format!("<propSet><type>{ty}</type><all>false</all>{paths}</propSet>")
            })
            .collect();
        let body = format!(
            "{}<specSet>{wanted}<objectSet><obj type=\"ContainerView\">{}</obj><skip>true</skip>\
             <selectSet xsi:type=\"TraversalSpec\"><name>all</name><type>ContainerView</type><path>view</path>\
             <skip>false</skip></selectSet></objectSet></specSet>\
             <options><maxObjects>{PAGE_SIZE}</maxObjects></options>",
            this(&self.collector),
            escape(&id)
        );
        self.call("RetrievePropertiesEx", &body).await
    }

    /// The page after one with this token.
    pub(super) async fn go_on(&self, token: &str) -> Result<String, DiscoverError> {
        let body = format!("{}<token>{}</token>", this(&self.collector), escape(token));
        self.call("ContinueRetrievePropertiesEx", &body).await
    }

    async fn call(&self, method: &str, body: &str) -> Result<String, DiscoverError> {
        call(&self.http, &self.cookie, method, body).await.map(|(answer, _)| answer)
    }
}

fn this(reference: &Reference) -> String {
    format!("<_this type=\"{}\">{}</_this>", escape(&reference.ty), escape(&reference.id))
}

/// One call: its answer, and the session cookie if it set one.
async fn call(
    http: &Http,
    cookie: &str,
    method: &str,
    body: &str,
) -> Result<(String, String), DiscoverError> {
    let message = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>\
         <{method} xmlns=\"urn:vim25\">{body}</{method}></soapenv:Body></soapenv:Envelope>"
    );
    // 6.5 is the oldest version that gives all that is asked for; newer servers speak it.
    let mut request = http
        .client()
        .post(http.endpoint.clone())
        .header("content-type", "text/xml; charset=utf-8")
        .header("soapaction", "urn:vim25/6.5")
        .body(message);
    if !cookie.is_empty() {
        request = request.header(COOKIE, cookie);
    }
    let answer = http.send(request).await?;
    if answer.status.is_success() {
        let set = answer.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = set.filter_map(|text| text.split(';').next());
        let session = pairs.into_iter().find(|pair| pair.starts_with("vmware_soap_session="));
        let session = session.unwrap_or_default().to_owned();
        return Ok((answer.body, session));
    }
    let (fault, text) = fault(&answer.body);
    let way_out = match fault.as_str() {
        "InvalidLogin" | "InvalidLoginFault" => "check `user` and `password` in the connection's file",
        "NoPermission" | "NoPermissionFault" => "give the connector's user the role Read-only at the top",
        _ => "check that `endpoint` is a vCenter or ESXi; the next run tries again",
    };
    let said = if text.is_empty() { String::new() } else { format!(": {text}") };
    Err(http.error(format!("refuses {method} ({}{said})", answer.status), way_out))
}

/// Kind and words of a SOAP fault.
fn fault(body: &str) -> (String, String) {
    let Ok(document) = xml::parse(body) else { return (String::new(), String::new()) };
    let Some(fault) = xml::below(document.root(), "Fault") else { return (String::new(), String::new()) };
    let detail = xml::child(fault, "detail").and_then(|detail| detail.first_element_child());
    // The element is `InvalidLoginFault`, or `Fault` with the kind in `xsi:type`.
    let kind = detail.map(|detail| {
        let ty = detail.attributes().find(|attribute| attribute.name() == "type").map(|found| found.value());
        ty.unwrap_or_else(|| detail.tag_name().name()).to_owned()
    });
    (kind.unwrap_or_default(), shown(xml::text(fault, &["faultstring"])))
}
