//! Who made a thing and when, in the members that Sentinel's objects have for it. The server's to write.

use bartizan_records::Actor;
use serde_json::{Value, json};

use crate::app::App;
use crate::arm::kind::Draft;

/// Sets `created`, `createdBy`, `updated` and `updatedBy`, whatever the client sent.
pub(super) fn stamp(app: &App, draft: &mut Draft<'_>) {
    let (now, by) = (app.clock.now().to_string(), user(&draft.caller.actor));
    draft.keep(&["created", "createdBy"]);
    if draft.property("created").is_null() {
        draft.set("created", now.clone());
        draft.set("createdBy", by.clone());
    }
    draft.set("updated", now);
    draft.set("updatedBy", by);
}

/// The same in the members that automation rules use.
pub(super) fn stamp_client(app: &App, draft: &mut Draft<'_>) {
    let (now, by) = (app.clock.now().to_string(), client(&draft.caller.actor));
    draft.keep(&["createdTimeUtc", "createdBy"]);
    if draft.property("createdTimeUtc").is_null() {
        draft.set("createdTimeUtc", now.clone());
        draft.set("createdBy", by.clone());
    }
    draft.set("lastModifiedTimeUtc", now);
    draft.set("lastModifiedBy", by);
}

fn user(actor: &Actor) -> Value {
    json!({"objectId": actor.object_id, "name": actor.name, "email": actor.name})
}

fn client(actor: &Actor) -> Value {
    json!({"objectId": actor.object_id, "name": actor.name, "email": actor.name, "userPrincipalName": actor.name})
}
