//! Definitions and initiatives from a folder of JSON files, as they are published, kept as if they were built in.
//!
//! They stand at the tenant under the names that they have, so that initiatives and assignments of Azure find them, and
//! everybody reads them. What cannot be read is refused with its place, and the rest is kept. A repeat changes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bartizan_base::ResourceId;
use bartizan_policy::{Definition, Initiative, Reach, reach};
use bartizan_records::{Actor, Condition, Records, RecordsError, Write};
use serde_json::{Map, Value, json};

use crate::plans::builtin;
use crate::plans::reconcile::{DEFINITION_TYPE, EVALUATED_TYPES, SET_TYPE};

/// Files in a folder, levels of folders, bytes of a file.
const FILES_MAX: usize = 50_000;
const DEPTH_MAX: usize = 16;
const BYTES_MAX: u64 = 4 << 20;
/// Types that are named where a definition applies to none of ours.
const NAMED_MAX: usize = 3;

/// Why an import stopped.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("cannot read `{place}`: {source}")]
    Folder { place: String, source: std::io::Error },
    #[error(
        "`{0}` has more than {FILES_MAX} files or {DEPTH_MAX} levels of folders; import its parts one by one"
    )]
    TooMany(String),
    #[error(transparent)]
    Records(#[from] RecordsError),
}

/// What came of one definition or initiative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept, and can be about resources that are evaluated here.
    Evaluates,
    /// It is kept and applies to nothing here, for this reason.
    NeverApplies(String),
    /// It is not kept, for this reason.
    Refused(String),
}

/// One definition or initiative of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Relative to the folder; with the position where a file has several.
    pub file: String,
    /// Empty when the file could not be read that far.
    pub name: String,
    pub outcome: Outcome,
    /// Whether something was written; a repeat writes nothing.
    pub written: bool,
}

/// A file's object, taken apart.
struct Part {
    file: String,
    name: String,
    properties: Value,
    is_set: bool,
}

/// Imports every `.json` file in `folder` and below; definitions first, so that initiatives find them.
///
/// # Errors
/// When the folder cannot be read or the records not written. What was imported until then stays.
pub async fn import(records: &Records, folder: &Path, by: &Actor) -> Result<Vec<Imported>, ImportError> {
    let (mut out, mut sets) = (Vec::new(), Vec::new());
    let mut known: BTreeSet<String> = BTreeSet::new();
    for file in files(folder)? {
        let shown = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
        let found = match parts(&file, &shown) {
            Ok(found) => found,
            Err(reason) => {
                let outcome = Outcome::Refused(reason);
                out.push(Imported { file: shown, name: String::new(), outcome, written: false });
                continue;
            }
        };
        for part in found {
            if part.is_set {
                sets.push(part);
                continue;
            }
            let made = definition(records, &part, by).await?;
            if !matches!(made.outcome, Outcome::Refused(_)) {
                known.insert(part.name.to_lowercase());
            }
            out.push(made);
        }
    }
    for part in sets {
        out.push(initiative(records, &part, &known, by).await?);
    }
    Ok(out)
}

async fn definition(records: &Records, part: &Part, by: &Actor) -> Result<Imported, ImportError> {
    let refused = |reason: String| Imported {
        file: part.file.clone(),
        name: part.name.clone(),
        outcome: Outcome::Refused(reason),
        written: false,
    };
    let Ok(id) = ResourceId::parse(&format!("/providers/{DEFINITION_TYPE}/{}", part.name)) else {
        return Ok(refused(format!(
            "`/name`: `{}` cannot be the name of a resource; give it another",
            part.name
        )));
    };
    let parsed = match Definition::parse(id.as_str(), &part.properties) {
        Ok(parsed) => Arc::new(parsed),
        Err(error) => return Ok(refused(error.to_string())),
    };
    let outcome = match reach(&parsed, &EVALUATED_TYPES) {
        Reach::Evaluated => Outcome::Evaluates,
        Reach::DataPlane(mode) => {
            Outcome::NeverApplies(format!("mode `{mode}` is evaluated by that service, which is not here"))
        }
        Reach::Elsewhere(types) if types.is_empty() => Outcome::NeverApplies(
            "its condition holds for no type of resource that is evaluated here".to_owned(),
        ),
        Reach::Elsewhere(types) => {
            let named: Vec<String> = types.iter().take(NAMED_MAX).map(|kind| format!("`{kind}`")).collect();
            let more = if types.len() > NAMED_MAX { " and others" } else { "" };
            Outcome::NeverApplies(format!(
                "resources of type {}{more} are not evaluated here",
                named.join(", ")
            ))
        }
    };
    // Plans rely on what is shipped; another text under its name would change what they do.
    let shipped = builtin::definition(&part.name).is_some();
    let written = !shipped && keep(records, id, part, by).await?;
    Ok(Imported { file: part.file.clone(), name: part.name.clone(), outcome, written })
}

async fn initiative(
    records: &Records,
    part: &Part,
    known: &BTreeSet<String>,
    by: &Actor,
) -> Result<Imported, ImportError> {
    let made = |outcome: Outcome, written: bool| Imported {
        file: part.file.clone(),
        name: part.name.clone(),
        outcome,
        written,
    };
    let Ok(id) = ResourceId::parse(&format!("/providers/{SET_TYPE}/{}", part.name)) else {
        let reason = format!("`/name`: `{}` cannot be the name of a resource; give it another", part.name);
        return Ok(made(Outcome::Refused(reason), false));
    };
    let set = match Initiative::parse(id.as_str(), &part.properties) {
        Ok(set) => set,
        Err(error) => return Ok(made(Outcome::Refused(error.to_string()), false)),
    };
    let (mut missing, mut evaluated) = (Vec::new(), 0);
    for (at, member) in set.members.iter().enumerate() {
        match of_member(records, known, &member.definition_id).await? {
            Some(true) => evaluated += 1,
            Some(false) => {}
            None => missing.push((at, member.definition_id.as_str())),
        }
    }
    if let Some((at, first)) = missing.first() {
        let reason = format!(
            "`/properties/policyDefinitions/{at}/policyDefinitionId`: there is no definition `{first}`{}; put the files of \
             its definitions into the folder and import again",
            if missing.len() > 1 {
                format!(", and {} others are missing", missing.len() - 1)
            } else {
                String::new()
            }
        );
        return Ok(made(Outcome::Refused(reason), false));
    }
    let outcome = if evaluated > 0 {
        Outcome::Evaluates
    } else {
        Outcome::NeverApplies("none of its definitions applies here".to_owned())
    };
    let written = keep(records, id, part, by).await?;
    Ok(made(outcome, written))
}

/// Whether a member's definition can be about anything here; `None` when there is no such definition.
async fn of_member(
    records: &Records,
    known: &BTreeSet<String>,
    id: &str,
) -> Result<Option<bool>, RecordsError> {
    let name = id.rsplit('/').next().unwrap_or_default().to_lowercase();
    let body = match builtin::definition(&name) {
        Some(shipped) => Some(shipped.clone()),
        None => {
            let at_tenant = format!("/providers/{DEFINITION_TYPE}/{name}");
            let id = if known.contains(&name) { at_tenant.as_str() } else { id };
            match ResourceId::parse(id) {
                Ok(id) => records.get(&id).await?.map(|found| found.body),
                Err(_) => None,
            }
        }
    };
    let Some(body) = body else { return Ok(None) };
    let parsed = Definition::parse(id, &body["properties"]).ok().map(Arc::new);
    Ok(Some(parsed.is_some_and(|parsed| reach(&parsed, &EVALUATED_TYPES) == Reach::Evaluated)))
}

/// Writes what differs from what is there; whether it did.
async fn keep(records: &Records, id: ResourceId, part: &Part, by: &Actor) -> Result<bool, RecordsError> {
    let mut properties = part.properties.clone();
    if properties.get("policyType").is_none() {
        properties["policyType"] = "BuiltIn".into();
    }
    let body = json!({"properties": properties});
    if records.get(&id).await?.is_some_and(|before| before.body == body) {
        return Ok(false);
    }
    records.put(Write { id, body, condition: Condition::None, actor: by.clone(), audit: true }).await?;
    Ok(true)
}

/// The `.json` files of a folder and below, in order. Links are not followed.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_owned(), 0)];
    while let Some((place, depth)) = open.pop() {
        let wrong = |source| ImportError::Folder { place: place.display().to_string(), source };
        for entry in std::fs::read_dir(&place).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let kind = entry.file_type().map_err(wrong)?;
            let path = entry.path();
            if kind.is_dir() {
                open.push((path, depth + 1));
            } else if kind.is_file() && path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("json")) {
                found.push(path);
            }
            if found.len() > FILES_MAX || depth > DEPTH_MAX {
                return Err(ImportError::TooMany(folder.display().to_string()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The definitions and initiatives of a file: an object, a list, or a list in `value` as clients print it.
fn parts(path: &Path, shown: &str) -> Result<Vec<Part>, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > BYTES_MAX {
        return Err(format!("it has {size} bytes, and a definition at most {BYTES_MAX}"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
    let text = text.trim_start_matches('\u{feff}');
    let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let items = match &value {
        Value::Array(items) => items.as_slice(),
        Value::Object(members) => match members.get("value").and_then(Value::as_array) {
            Some(items) => items.as_slice(),
            None => return part(&value, shown, &stem).map(|part| vec![part]),
        },
        _ => return Err("it is neither an object nor a list".to_owned()),
    };
    let all = items.iter().enumerate().map(|(at, item)| {
        part(item, &format!("{shown}#{at}"), &format!("{stem}-{at}"))
            .map_err(|reason| format!("`/{at}`: {reason}"))
    });
    all.collect()
}

fn part(value: &Value, file: &str, stem: &str) -> Result<Part, String> {
    let none = Map::new();
    let members = value.as_object().unwrap_or(&none);
    // Wrapped as a resource, or the properties alone.
    let properties = match members.get("properties") {
        Some(properties @ Value::Object(_)) => properties.clone(),
        _ => {
            let mut bare = members.clone();
            for name in ["id", "name", "type", "etag", "systemData"] {
                bare.shift_remove(name);
            }
            Value::Object(bare)
        }
    };
    let has = |name: &str| properties.get(name).is_some();
    if !has("policyRule") && !has("policyDefinitions") {
        return Err(
            "it has neither `policyRule` nor `policyDefinitions`, so it is no definition and no initiative"
                .to_owned(),
        );
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let last = text("id").and_then(|id| id.rsplit('/').next()).filter(|name| !name.is_empty());
    let name = text("name").or(last).unwrap_or(stem).to_owned();
    Ok(Part { file: file.to_owned(), name, is_set: !has("policyRule"), properties })
}
