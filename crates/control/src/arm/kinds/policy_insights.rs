//! Remediations and attestations. What a remediation may be asked to do is `policy`'s to say.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, Ticks};
use bartizan_policy::Attestation;
use bartizan_records::{ListQuery, Resource};
use serde_json::Value;

use crate::access::Caller;
use crate::app::App;
use crate::arm::kind::{Draft, Kind};
use crate::http::Failure;
use crate::plans::reconcile;
use crate::policy::remediation::{self, REMEDIATION_TYPE, is_ended};

/// Most remediations that are kept. Ended ones go after 60 days by themselves.
const REMEDIATIONS_MAX: u32 = 1000;

pub(super) struct Remediations;

#[async_trait]
impl Kind for Remediations {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let policies = reconcile::load(&app.records).await?;
        let tree = app.access_map().await?;
        let Some(properties) = draft.body["properties"].as_object_mut() else { return Ok(()) };
        remediation::prepare(
            draft.id,
            draft.before,
            properties,
            &policies,
            &tree.hierarchy,
            app.clock.now(),
        )?;
        if draft.before.is_none() {
            let query = ListQuery::of_type(ListQuery::tenant(), REMEDIATION_TYPE);
            let page = app.records.list(ListQuery { limit: REMEDIATIONS_MAX, ..query }).await?;
            if page.items.len() >= REMEDIATIONS_MAX as usize {
                let text = format!(
                    "There are {REMEDIATIONS_MAX} remediations, which is the most; delete some that have ended."
                );
                return Err(ApiError::coded(ErrorKind::Conflict, "QuotaExceeded", text).into());
            }
        }
        Ok(())
    }

    async fn delete(&self, _app: &App, _caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        if is_ended(stored.body.get("properties").unwrap_or(&Value::Null)) {
            return Ok(false);
        }
        let text = format!(
            "remediation `{}` runs; cancel it (`az policy remediation cancel`), then delete it",
            stored.id.name()
        );
        Err(ApiError::coded(ErrorKind::Invalid, "InvalidDeleteRemediationRequest", text).into())
    }
}

/// Most pieces of evidence of one attestation, longest comment and owner in characters.
const EVIDENCE_MAX: usize = 100;
const COMMENTS_MAX: usize = 4096;
const OWNER_MAX: usize = 128;

pub(super) struct Attestations;

#[async_trait]
impl Kind for Attestations {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        draft.keep(&["lastComplianceStateChangeAt"]);
        if draft.text("complianceState").is_empty() {
            draft.set("complianceState", "Unknown");
        }
        let word =
            Attestation::parse(draft.id, &draft.body).map_err(|error| refused("", error.to_string()))?;
        check_members(draft)?;
        let policies = reconcile::load(&app.records).await?;
        let tree = app.access_map().await?;
        let mut rules =
            policies.rules().iter().filter(|rule| rule.assignment.id == word.assignment_id).peekable();
        let Some(first) = rules.peek() else {
            let text = format!("there is no evaluated policy assignment `{}`", word.assignment_id);
            return Err(refused("policyAssignmentId", text).into());
        };
        if first.set.is_some() && word.reference.is_empty() {
            let text = "the assignment is of an initiative; `policyDefinitionReferenceId` must name one of its policies";
            return Err(refused("policyDefinitionReferenceId", text.to_owned()).into());
        }
        let reference = &word.reference;
        let Some(rule) = rules.find(|rule| rule.reference().eq_ignore_ascii_case(reference)) else {
            let text = format!(
                "assignment `{}` has no policy with the reference `{reference}`",
                word.assignment_id.name()
            );
            return Err(refused("policyDefinitionReferenceId", text).into());
        };
        if !rule.can_be_attested() {
            let text = format!(
                "definition `{}` is not of the effect manual: the server sees itself whether resources comply",
                rule.definition.id
            );
            return Err(refused("policyAssignmentId", text).into());
        }
        let scope = &rule.assignment.scope;
        if !tree.hierarchy.contains(scope, &word.scope) && !word.scope.is_within(scope) {
            let text = format!(
                "assignment `{}` is at `{scope}`, and its attestations are made there or below, not at `{}`",
                rule.assignment.name(),
                word.scope
            );
            return Err(refused("policyAssignmentId", text).into());
        }
        // As Azure spells it, whatever the case it came in.
        draft.set("complianceState", word.state.as_str());
        let was = draft.before.and_then(|before| before.property("complianceState")).and_then(Value::as_str);
        if was != Some(word.state.as_str()) {
            let now = app.clock.now();
            draft.set("lastComplianceStateChangeAt", serde_json::json!(now));
        }
        draft.set("provisioningState", "Succeeded");
        Ok(())
    }
}

/// Checks what is kept for people.
fn check_members(draft: &Draft<'_>) -> Result<(), ApiError> {
    for (name, most) in [("comments", COMMENTS_MAX), ("owner", OWNER_MAX)] {
        let fits = match draft.property(name) {
            Value::Null => true,
            Value::String(text) => text.chars().count() <= most,
            _ => false,
        };
        if !fits {
            return Err(refused(name, format!("`{name}` must be a text of at most {most} characters")));
        }
    }
    let wrong = || {
        let text = format!(
            "`evidence` must be a list of at most {EVIDENCE_MAX} objects with the texts `description` and `sourceUri`"
        );
        refused("evidence", text)
    };
    let evidence = match draft.property("evidence") {
        Value::Null => &[],
        Value::Array(items) if items.len() <= EVIDENCE_MAX => items.as_slice(),
        _ => return Err(wrong()),
    };
    for item in evidence {
        let members = item.as_object().ok_or_else(wrong)?;
        if !members.iter().all(|(name, value)| {
            matches!(name.as_str(), "description" | "sourceUri") && (value.is_string() || value.is_null())
        }) {
            return Err(wrong());
        }
    }
    let date = draft.property("assessmentDate");
    if !date.is_null() && date.as_str().is_none_or(|text| Ticks::parse(text).is_err()) {
        return Err(refused(
            "assessmentDate",
            "`assessmentDate` must be a moment such as 2026-01-02T03:04:05Z".to_owned(),
        ));
    }
    if !matches!(draft.property("metadata"), Value::Null | Value::Object(_)) {
        return Err(refused("metadata", "`metadata` must be an object".to_owned()));
    }
    Ok(())
}

fn refused(field: &str, message: String) -> ApiError {
    let error = ApiError::coded(ErrorKind::Invalid, "InvalidCreateAttestationRequest", message);
    ApiError { target: (!field.is_empty()).then(|| format!("properties.{field}")), ..error }
}
