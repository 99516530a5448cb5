//! Nothing leaks across scopes: whoever has a role at a scope sees exactly what lies below it, by id, in lists and
//! in Resource Graph. The tree, the roles and the expectation are the test's own.

use std::collections::BTreeSet;

use bartizan_base::ResourceId;
use bartizan_testkit::in_process::Caller;
use serde_json::{Value, json};

use crate::hierarchy::{group, group_id, root_owner, subscription};
use crate::server;

const MACHINES: &str = "providers/Microsoft.HybridCompute/machines";
const GRAPH: &str = "/providers/Microsoft.ResourceGraph/resources?api-version=2021-03-01";

/// Numbers that look random and are the same in each run (Knuth's MMIX constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// A place and everything it lies in, itself first.
struct Place {
    id: ResourceId,
    inside: Vec<ResourceId>,
}

impl Place {
    fn child(&self, id: ResourceId) -> Self {
        let inside = [id.clone()].into_iter().chain(self.inside.iter().cloned()).collect();
        Self { id, inside }
    }
}

async fn listed(caller: &Caller, path: &str) -> Option<BTreeSet<ResourceId>> {
    let mut out = BTreeSet::new();
    let mut next = format!(
        "{path}?api-version={}",
        if path.contains("HybridCompute") { "2024-07-10" } else { "2022-12-01" }
    );
    loop {
        let answer = caller.get(&next).await.unwrap();
        if answer.status == 403 {
            return None;
        }
        assert_eq!(answer.status, 200, "{next}: {}", answer.text);
        let page = answer.json();
        out.extend(page["value"].as_array().unwrap().iter().map(id_of));
        let Some(link) = page["nextLink"].as_str() else { return Some(out) };
        next = format!("/subscriptions{}", link.split_once("/subscriptions").unwrap().1);
    }
}

fn id_of(row: &Value) -> ResourceId {
    ResourceId::parse(row["id"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_caller_sees_what_lies_below_its_role_and_nothing_else() {
    let s = server().await;
    let by = root_owner(&s).await;
    let root = Place { id: s.server.app.home.root_group(), inside: vec![s.server.app.home.root_group()] };
    let mut dice = Dice(7);
    let mut groups: Vec<Place> = Vec::new();
    for name in ["g0", "g1", "g2", "g3"] {
        let at = dice.below(groups.len() + 1);
        let parent = groups.get(at);
        group(&by, name, parent.map(|parent| parent.id.name())).await;
        groups.push(parent.unwrap_or(&root).child(group_id(name)));
    }
    let (mut subscriptions, mut resource_groups, mut machines) = (Vec::new(), Vec::new(), Vec::new());
    for alias in ["s0", "s1", "s2", "s3"] {
        let parent = &groups[dice.below(groups.len())];
        subscriptions.push(parent.child(subscription(&by, alias, parent.id.name()).await));
    }
    // Names that begin alike must not be taken for one another.
    for name in ["rg", "rg1", "rg11", "RG-1", "rg.1"] {
        let parent = &subscriptions[dice.below(subscriptions.len())];
        let place = parent.child(parent.id.join(&format!("resourceGroups/{name}")).unwrap());
        let made = by.put(place.id.as_str(), json!({"location": "local"})).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text);
        resource_groups.push(place);
    }
    for number in 0..8 {
        let parent = &resource_groups[dice.below(resource_groups.len())];
        let place = parent.child(parent.id.join(&format!("{MACHINES}/m{number}")).unwrap());
        let made = by.put(place.id.as_str(), json!({"location": "local", "properties": {}})).await.unwrap();
        assert_eq!(made.status, 200, "{}", made.text);
        machines.push(place);
    }
    let scopes = groups.iter().chain(&subscriptions).chain(&resource_groups).chain(&machines[..3]);
    for scope in scopes {
        let reader = s.principal_at("Reader", &scope.id).await.unwrap();
        let below = |place: &&Place| place.inside.contains(&scope.id);
        let expected = |places: &[Place]| -> BTreeSet<ResourceId> {
            places.iter().filter(below).map(|place| place.id.clone()).collect()
        };
        let (own_groups, own_machines) = (expected(&resource_groups), expected(&machines));
        for place in groups.iter().chain(&subscriptions).chain(&resource_groups).chain(&machines) {
            let status = reader.get(place.id.as_str()).await.unwrap().status;
            let wanted = if below(&place) { 200 } else { 403 };
            assert_eq!(status, wanted, "{} by a reader of {}", place.id, scope.id);
            let write =
                reader.put(place.id.as_str(), json!({"location": "x", "properties": {}})).await.unwrap();
            // A subscription is not written this way by anybody.
            let refused =
                if place.id.parent().is_none() && place.id.subscription().is_some() { 400 } else { 403 };
            assert_eq!(write.status, refused, "a reader writes nothing: {}", place.id);
        }
        for at in &subscriptions {
            let within = |ids: &BTreeSet<ResourceId>| -> BTreeSet<ResourceId> {
                ids.iter().filter(|id| id.is_within(&at.id)).cloned().collect()
            };
            let seen = listed(&reader, &format!("{}/{MACHINES}", at.id)).await.unwrap_or_default();
            assert_eq!(seen, within(&own_machines), "machines of {} by a reader of {}", at.id, scope.id);
            let seen = listed(&reader, &format!("{}/resourceGroups", at.id)).await.unwrap_or_default();
            assert_eq!(seen, within(&own_groups), "groups of {} by a reader of {}", at.id, scope.id);
            let seen = listed(&reader, &format!("{}/resources", at.id)).await.unwrap_or_default();
            assert_eq!(seen, within(&own_machines), "resources of {} by a reader of {}", at.id, scope.id);
        }
        let query = "resources | union resourcecontainers | where type in ('microsoft.hybridcompute/machines', \
                     'microsoft.resources/subscriptions/resourcegroups', 'microsoft.resources/subscriptions', \
                     'microsoft.management/managementgroups') | project id";
        let answer = reader.post(GRAPH, json!({"query": query, "options": {"$top": 1000}})).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text);
        let seen: BTreeSet<ResourceId> =
            answer.json()["data"].as_array().unwrap().iter().map(id_of).collect();
        let all: BTreeSet<ResourceId> =
            [expected(&groups), expected(&subscriptions), own_groups, own_machines]
                .into_iter()
                .flatten()
                .collect();
        assert_eq!(seen, all, "Resource Graph by a reader of {}", scope.id);
    }
}
