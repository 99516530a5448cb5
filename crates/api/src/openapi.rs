//! OpenAPI 3 documents, one for each namespace and one for the server's own doors, made from the table of operations.
//!
//! They say which paths there are, what may be sent and how errors look. What a `properties` holds is each type's own
//! and checked by the server, so here it is an object. `docs/reference/openapi` has them as files, `GET /openapi/…`
//! serves them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::operations::{self, Operation};
use crate::types;
use crate::versions;

/// The document of everything that is not ARM's.
const SERVER: &str = "server";
/// The namespace of what Azure does not have.
const OWN: &str = "Bartizan.Security";
const SUBSCRIPTION: &str = "/subscriptions/{subscriptionId}";
const GROUP: &str = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}";
const WORKSPACE: &str = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.OperationalInsights/workspaces/{workspaceName}";
const MACHINE: &str = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.HybridCompute/machines/{machineName}";
const MANAGEMENT_GROUP: &str = "/providers/Microsoft.Management/managementGroups/{groupId}";
/// Query parameters of lists.
const LIST: [&str; 4] = ["$filter", "$top", "$orderby", "$skipToken"];

/// One document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// `microsoft.security`, as in the name of its file.
    pub name: String,
    /// The text of the file: JSON with one path a line.
    pub text: String,
}

/// All documents, by name.
pub fn documents() -> Vec<Document> {
    let mut by_name: BTreeMap<String, BTreeMap<String, Map<String, Value>>> = BTreeMap::new();
    let all = operations::all();
    for operation in &all {
        let namespace = namespace(&operation.path);
        let paths = by_name.entry(namespace.to_ascii_lowercase()).or_default();
        for (place, path) in places(&operation.path, namespace) {
            let methods = paths.entry(path.clone()).or_default();
            let method = operation.method.to_ascii_lowercase();
            let mut described = described(operation, place, &path, namespace);
            // Some are asked for in several ways; each way needs a name of its own here.
            if all.iter().filter(|other| other.name == operation.name).count() > 1 {
                described["operationId"] = format!("{} {method} {path}", operation.name).into();
            }
            methods.insert(method, described);
        }
    }
    by_name.into_iter().map(|(name, paths)| document(name, &paths)).collect()
}

/// The namespace that answers a path: the last one in it.
fn namespace(path: &str) -> &str {
    let last = path.rsplit_once("/providers/").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    match last.filter(|name| name.starts_with("Microsoft.") || *name == OWN) {
        Some(name) => name,
        None if path.starts_with("/subscriptions") || path.starts_with("{scope}") || path == "/tenants" => {
            "Microsoft.Resources"
        }
        None => SERVER,
    }
}

/// Where the type can be: a word that tells operations apart, and the whole path.
fn places(path: &str, namespace: &str) -> Vec<(&'static str, String)> {
    if let Some(rest) = path.strip_prefix("{workspace}") {
        return vec![("workspace", format!("{WORKSPACE}{rest}"))];
    }
    let Some(rest) = path.strip_prefix("{scope}") else {
        let path = path.replace("{subscription}", "{subscriptionId}");
        return vec![("", path)];
    };
    let scopes: &[(&str, &str)] = match namespace {
        "Microsoft.SecurityInsights" => &[("workspace", WORKSPACE)],
        OWN if rest.contains("/diagnosis/") || rest.contains("/testAlerts") => &[("machine", MACHINE)],
        OWN if rest.ends_with("/features") => &[("subscription", SUBSCRIPTION), ("machine", MACHINE)],
        OWN if rest.contains("/tenantSettings") => &[("root", MANAGEMENT_GROUP)],
        OWN => &[("subscription", SUBSCRIPTION)],
        "Microsoft.GuestConfiguration" => &[("machine", MACHINE)],
        "Microsoft.Insights" if rest.contains("/dataCollectionRuleAssociations") => &[("machine", MACHINE)],
        "Microsoft.HybridCompute"
        | "Microsoft.Insights"
        | "Microsoft.OperationalInsights"
        | "Microsoft.ResourceGraph" => &[("group", GROUP)],
        _ => &[("subscription", SUBSCRIPTION), ("group", GROUP)],
    };
    scopes.iter().map(|(place, scope)| (*place, format!("{scope}{rest}"))).collect()
}

fn described(operation: &Operation, place: &str, path: &str, namespace: &str) -> Value {
    let id = if place.is_empty() { operation.name.clone() } else { format!("{}.{place}", operation.name) };
    let mut parameters: Vec<Value> = path_parameters(path)
        .map(|name| json!({"$ref": format!("#/components/parameters/{name}")}))
        .collect();
    let arm = namespace != SERVER;
    if arm {
        parameters.push(json!({"$ref": "#/components/parameters/api-version"}));
    }
    let lists = arm && operation.name.ends_with(".list") && operation.method == "GET";
    if lists {
        parameters
            .extend(LIST.map(|name| json!({"$ref": format!("#/components/parameters/{}", &name[1..])})));
    }
    let mut responses = Map::new();
    let schema = if lists { "ResourceList" } else { "Resource" };
    for status in statuses(operation) {
        let mut response = json!({"description": "Done."});
        if arm && status != "204" && operation.method != "DELETE" && operation.method != "POST" {
            let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
            response["content"] = json!({"application/json": {"schema": schema}});
        }
        responses.insert(status, response);
    }
    responses.insert("default".to_owned(), json!({"$ref": "#/components/responses/Error"}));
    let mut out = json!({"operationId": id, "parameters": parameters, "responses": responses});
    let sends = ["PUT", "PATCH", "POST"].contains(&operation.method);
    if sends {
        let schema = if operation.method == "POST" || !arm { "Anything" } else { "ResourceBody" };
        out["requestBody"] = json!({"$ref": format!("#/components/requestBodies/{schema}")});
    }
    out
}

/// The statuses of success, from the row of the type where there is one.
fn statuses(operation: &Operation) -> Vec<String> {
    let (_, rest) = operation.path.rsplit_once("/providers/").unwrap_or_default();
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.starts_with('{')).collect();
    let info = types::find(&parts.join("/"));
    let mut out: Vec<u16> = match (operation.method, info) {
        ("PUT", Some(info)) => vec![info.created, info.updated],
        ("DELETE", Some(info)) => vec![info.deleted, 204],
        ("DELETE", None) => vec![200, 204],
        ("PUT", None) => vec![200, 201],
        ("POST", _) => vec![200, 202, 204],
        _ => vec![200],
    };
    out.sort_unstable();
    out.dedup();
    out.iter().map(u16::to_string).collect()
}

/// The names in braces.
fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name))
}

fn document(name: String, paths: &BTreeMap<String, Map<String, Value>>) -> Document {
    let names: BTreeSet<&str> = paths.keys().flat_map(|path| path_parameters(path)).collect();
    let mut parameters = Map::new();
    for name in names {
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 90, "pattern": "^[A-Za-z0-9_.-]*[A-Za-z0-9_-]$"});
        parameters
            .insert(name.to_owned(), json!({"name": name, "in": "path", "required": true, "schema": schema}));
    }
    let is_arm = name != SERVER;
    if is_arm {
        let version = versions::newest(&name).unwrap_or_default();
        let schema = json!({"type": "string", "enum": [version]});
        parameters.insert(
            "api-version".to_owned(),
            json!({"name": "api-version", "in": "query", "required": true, "schema": schema}),
        );
        for name in LIST {
            let schema = if name == "$top" {
                json!({"type": "integer", "minimum": 1})
            } else {
                json!({"type": "string"})
            };
            parameters.insert(name[1..].to_owned(), json!({"name": name, "in": "query", "schema": schema}));
        }
    }
    let properties = json!({
        "location": {"type": "string"}, "kind": {"type": "string"}, "etag": {"type": "string"},
        "tags": {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 50},
        "properties": {"type": "object"},
    });
    let mut resource = properties.clone();
    for name in ["id", "name", "type"] {
        resource[name] = json!({"type": "string"});
    }
    let content =
        |schema: Value| json!({"required": true, "content": {"application/json": {"schema": schema}}});
    let components = json!({
        "parameters": parameters,
        "requestBodies": {
            "Anything": content(json!({"type": "object"})),
            "ResourceBody": content(json!({"type": "object", "properties": properties})),
        },
        "responses": {"Error": {"description": "Refused.", "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Error"}}
        }}},
        "schemas": {
            "Error": {"type": "object", "required": ["error"], "properties": {"error": {
                "type": "object", "required": ["code", "message"],
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
            }}},
            "Resource": {"type": "object", "properties": resource},
            "ResourceList": {"type": "object", "required": ["value"], "properties": {
                "value": {"type": "array", "items": {"$ref": "#/components/schemas/Resource"}},
                "nextLink": {"type": "string"},
            }},
        },
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
    });
    let title = if is_arm { format!("{name} on Bartizan") } else { "Bartizan's own doors".to_owned() };
    let info = json!({"title": title, "version": env!("CARGO_PKG_VERSION")});
    // One path a line: a change of one operation is one line of a diff, and the files stay small.
    let lines: Vec<String> =
        paths.iter().map(|(path, methods)| format!("    {}: {}", json!(path), json!(methods))).collect();
    let text = format!(
        "{{\n  \"openapi\": \"3.0.3\",\n  \"info\": {info},\n  \"security\": [{{\"bearer\": []}}],\n  \"paths\": {{\n{}\n  }},\n  \"components\": {components}\n}}\n",
        lines.join(",\n")
    );
    Document { name, text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::Value;

    use super::documents;

    /// `UPDATE_GOLDEN=1` rewrites the files; their diff is what a reviewer reads.
    #[test]
    fn the_checked_in_documents_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi");
        let update = std::env::var_os("UPDATE_GOLDEN").is_some();
        if update {
            std::fs::create_dir_all(&folder).unwrap();
        }
        let mut names = BTreeSet::new();
        for document in documents() {
            let file = format!("{}.json", document.name);
            if update {
                std::fs::write(folder.join(&file), &document.text).unwrap();
            }
            let stored = std::fs::read_to_string(folder.join(&file)).unwrap_or_default();
            assert!(
                stored == document.text,
                "{file} is not current: run with UPDATE_GOLDEN=1 and review the diff"
            );
            names.insert(file);
        }
        let files = std::fs::read_dir(&folder).unwrap();
        let found: BTreeSet<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(found, names, "a document of a namespace that is gone");
    }

    #[test]
    fn documents_are_whole() {
        for document in documents() {
            let value: Value = serde_json::from_str(&document.text).unwrap();
            let mut ids = BTreeSet::new();
            for (path, methods) in value["paths"].as_object().unwrap() {
                assert!(path.starts_with('/') && !path.contains("{scope}"), "{path}");
                for (method, operation) in methods.as_object().unwrap() {
                    let id = operation["operationId"].as_str().unwrap();
                    assert!(ids.insert(id.to_owned()), "{id} of {} is there twice ({method})", document.name);
                    for parameter in operation["parameters"].as_array().unwrap() {
                        let pointer = parameter["$ref"].as_str().unwrap().trim_start_matches('#');
                        assert!(value.pointer(pointer).is_some(), "{id}: {pointer}");
                    }
                }
            }
        }
    }
}
