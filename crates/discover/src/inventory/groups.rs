//! Hosts, groups and variables as a file gives them, and which value of a variable holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::inventory::{Host, PLACE};
use crate::machine::MACHINES_MAX;

/// Groups inside groups.
const DEPTH_MAX: usize = 32;
const GROUPS_MAX: usize = 10_000;
/// Everything is in it.
const ALL: &str = "all";
/// Where Ansible puts hosts that are in no group. It is no group that tells anything.
const UNGROUPED: &str = "ungrouped";

pub(super) type Variables = BTreeMap<String, String>;

/// An inventory as it is written.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    hosts: BTreeMap<String, Variables>,
    groups: BTreeMap<String, Group>,
}

#[derive(Debug, Default)]
struct Group {
    hosts: BTreeSet<String>,
    children: BTreeSet<String>,
    variables: Variables,
}

impl Groups {
    /// Puts a host into a group; more variables may come with it each time.
    pub(super) fn host(&mut self, group: &str, name: &str, variables: &Variables) -> Result<(), String> {
        if !self.hosts.contains_key(name) && self.hosts.len() >= MACHINES_MAX {
            return Err(format!("the file has more than {MACHINES_MAX} hosts; divide it"));
        }
        let known = self.hosts.entry(name.to_owned()).or_default();
        known.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        self.group(group)?.hosts.insert(name.to_owned());
        Ok(())
    }

    pub(super) fn child(&mut self, parent: &str, child: &str) -> Result<(), String> {
        self.group(child)?;
        // Everything is a child of `all` anyway.
        if parent != ALL {
            self.group(parent)?.children.insert(child.to_owned());
        }
        Ok(())
    }

    pub(super) fn variable(&mut self, group: &str, name: &str, value: String) -> Result<(), String> {
        self.group(group)?.variables.insert(name.to_owned(), value);
        Ok(())
    }

    fn group(&mut self, name: &str) -> Result<&mut Group, String> {
        if !self.groups.contains_key(name) && self.groups.len() >= GROUPS_MAX {
            return Err(format!("the file has more than {GROUPS_MAX} groups; divide it"));
        }
        Ok(self.groups.entry(name.to_owned()).or_default())
    }

    /// Every host with all its groups and the wanted variables. A host's own value comes before its groups', a
    /// child's before its parent's, and among equals the group later in the alphabet wins, as in Ansible.
    pub(super) fn resolve(&self, tags: &[String]) -> Result<Vec<Host>, String> {
        let depths = self.depths()?;
        let parents = self.parents();
        let mut direct: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, group) in &self.groups {
            for host in &group.hosts {
                direct.entry(host).or_default().push(name);
            }
        }
        let wanted = |name: &str| PLACE.contains(&name) || tags.iter().any(|tag| tag == name);
        let hosts = self.hosts.iter().map(|(name, own)| {
            let mut within: BTreeSet<&str> = BTreeSet::new();
            let mut open: Vec<&str> = direct.get(name.as_str()).cloned().unwrap_or_default();
            while let Some(group) = open.pop() {
                if within.insert(group) {
                    open.extend(parents.get(group).into_iter().flatten());
                }
            }
            within.insert(ALL);
            let mut ordered: Vec<&str> = within.iter().copied().collect();
            ordered
                .sort_by_key(|group| (*group != ALL, depths.get(group).copied().unwrap_or_default(), *group));
            let mut variables = Variables::new();
            let of_groups =
                ordered.iter().filter_map(|group| self.groups.get(*group)).map(|group| &group.variables);
            for (name, value) in of_groups.chain([own]).flatten() {
                if wanted(name) {
                    variables.insert(name.clone(), value.clone());
                }
            }
            let named = within.into_iter().filter(|group| *group != ALL && *group != UNGROUPED);
            Host { name: name.clone(), groups: named.map(str::to_owned).collect(), variables }
        });
        Ok(hosts.collect())
    }

    fn parents(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, group) in &self.groups {
            for child in &group.children {
                parents.entry(child).or_default().push(name);
            }
        }
        parents
    }

    /// How many groups are above each, on the longest way.
    fn depths(&self) -> Result<BTreeMap<&str, usize>, String> {
        let mut depths: BTreeMap<&str, usize> = self.groups.keys().map(|name| (name.as_str(), 1)).collect();
        for _ in 0..=DEPTH_MAX {
            let mut changed = None;
            for (name, group) in &self.groups {
                let below = depths[name.as_str()] + 1;
                for child in &group.children {
                    if let Some(depth) = depths.get_mut(child.as_str()).filter(|depth| **depth < below) {
                        *depth = below;
                        changed = Some(child);
                    }
                }
            }
            let Some(child) = changed else { return Ok(depths) };
            if depths[child.as_str()] > DEPTH_MAX {
                return Err(format!(
                    "the group `{child}` and its groups are children of each other, or more than {DEPTH_MAX} deep"
                ));
            }
        }
        Err(format!("groups are children of each other, or more than {DEPTH_MAX} deep"))
    }
}
