//! Incidents and their comments: closed lists are checked, times and numbers are the server's.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_api::incidents::{Classification, ClassificationReason, Severity, Status};
use bartizan_records::RecordsError;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::arm::kinds::not_one_of;
use crate::http::Failure;

/// What detection writes and people only read.
const OWNED: [&str; 8] = [
    "incidentNumber",
    "incidentUrl",
    "createdTimeUtc",
    "firstActivityTimeUtc",
    "lastActivityTimeUtc",
    "additionalData",
    "relatedAnalyticRuleIds",
    "providerName",
];
/// Azure's limits.
const TITLE_MAX: usize = 150;
const COMMENT_MAX: usize = 30_000;
const COMMENTS_MAX: usize = 100;

pub(super) struct Incidents;

#[async_trait]
impl Kind for Incidents {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let title = draft.text("title");
        if title.is_empty() || title.chars().count() > TITLE_MAX {
            return Err(ApiError::field("properties.title", "`title` must have 1 to 150 characters").into());
        }
        if Severity::parse(draft.text("severity")).is_none() {
            return Err(not_one_of("properties.severity", draft.property("severity"), Severity::NAMES).into());
        }
        let Some(status) = Status::parse(draft.text("status")) else {
            return Err(not_one_of("properties.status", draft.property("status"), Status::NAMES).into());
        };
        check_classification(draft, status)?;
        check_owner(draft)?;
        check_labels(draft)?;
        draft.keep(&OWNED);
        let now = app.clock.now().to_string();
        if draft.before.is_none() {
            draft.set("createdTimeUtc", now.clone());
            draft.set("incidentNumber", next_number(app).await?);
            let url = format!("{}/incidents/{}", app.public_url, draft.id.name());
            draft.set("incidentUrl", url);
            draft.set("providerName", "Azure Sentinel");
            draft.set("additionalData", json!({"alertsCount": 0, "bookmarksCount": 0, "commentsCount": 0, "alertProductNames": [], "tactics": []}));
        }
        draft.set("lastModifiedTimeUtc", now);
        Ok(())
    }
}

fn check_classification(draft: &mut Draft<'_>, status: Status) -> Result<(), Failure> {
    let names = ["classification", "classificationReason", "classificationComment"];
    if status != Status::Closed {
        // An incident that is open again has no verdict.
        let properties = draft.body["properties"].as_object_mut().expect("a draft has properties");
        names.iter().for_each(|name| drop(properties.shift_remove(*name)));
        return Ok(());
    }
    let Some(classification) = Classification::parse(draft.text("classification")) else {
        let error =
            not_one_of("properties.classification", draft.property("classification"), Classification::NAMES);
        return Err(ApiError {
            message: format!("A closed incident needs a classification: {}", error.message),
            ..error
        }
        .into());
    };
    let reason = draft.property("classificationReason").clone();
    if reason.is_null() || reason == "" {
        return Ok(());
    }
    let path = "properties.classificationReason";
    match reason.as_str().and_then(ClassificationReason::parse) {
        None => Err(not_one_of(path, &reason, ClassificationReason::NAMES).into()),
        Some(reason) if !classification.allows(reason) => {
            Err(ApiError::field(path, format!("`{reason:?}` is no reason for `{classification:?}`")).into())
        }
        Some(_) => Ok(()),
    }
}

fn check_owner(draft: &Draft<'_>) -> Result<(), Failure> {
    let owner = draft.property("owner");
    let members = ["objectId", "email", "assignedTo", "userPrincipalName", "ownerType"];
    let good = match owner {
        Value::Null => true,
        Value::Object(owner) => owner
            .iter()
            .all(|(name, value)| members.contains(&name.as_str()) && (value.is_string() || value.is_null())),
        _ => false,
    };
    if good {
        return Ok(());
    }
    Err(ApiError::field(
        "properties.owner",
        format!("`owner` is an object of the texts {}", members.join(", ")),
    )
    .into())
}

fn check_labels(draft: &Draft<'_>) -> Result<(), Failure> {
    let good = match draft.property("labels") {
        Value::Null => true,
        Value::Array(labels) => labels.iter().all(|label| label["labelName"].is_string()),
        _ => false,
    };
    if good {
        Ok(())
    } else {
        Err(ApiError::field("properties.labels", "each label is an object with a `labelName`").into())
    }
}

/// Incidents made by hand are numbered with those that detection makes, from its counter.
async fn next_number(app: &App) -> Result<u64, Failure> {
    const COUNTER: &str = "detect/incidentNumber";
    let number = app.records.get_state(COUNTER).await?.and_then(|value| value.as_u64()).unwrap_or(0) + 1;
    app.records.put_state(COUNTER, number.into()).await?;
    Ok(number)
}

pub(super) struct Comments;

#[async_trait]
impl Kind for Comments {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let length = draft.text("message").chars().count();
        if !(1..=COMMENT_MAX).contains(&length) {
            return Err(
                ApiError::field("properties.message", "`message` must have 1 to 30,000 characters").into()
            );
        }
        draft.keep(&["createdTimeUtc", "author"]);
        let now = app.clock.now().to_string();
        if draft.before.is_none() {
            let incident = draft.id.parent().ok_or_else(|| ApiError::not_found(draft.id.as_str()))?;
            let others =
                app.records.list_all(&incident, "Microsoft.SecurityInsights/incidents/comments").await?;
            if others.len() >= COMMENTS_MAX {
                return Err(ApiError::new(
                    bartizan_base::ErrorKind::Conflict,
                    "An incident has at most 100 comments.",
                )
                .into());
            }
            draft.set("createdTimeUtc", now.clone());
            let actor = &draft.caller.actor;
            let author = json!({"objectId": actor.object_id, "name": actor.name, "userPrincipalName": actor.name, "email": null});
            draft.set("author", author);
        }
        draft.set("lastModifiedTimeUtc", now);
        Ok(())
    }

    async fn written(&self, app: &App, written: &bartizan_records::Written) -> Result<(), Failure> {
        let Some(incident) = written.resource.id.parent() else { return Ok(()) };
        let count =
            app.records.list_all(&incident, "Microsoft.SecurityInsights/incidents/comments").await?.len();
        let by = bartizan_records::Actor::system("incidents");
        let edit = |body: &mut Value| {
            body["properties"]["additionalData"]["commentsCount"] = count.into();
            true
        };
        match app.records.modify(&incident, &by, false, edit).await {
            Ok(_) | Err(RecordsError::Missing(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
