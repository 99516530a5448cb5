//! The detections that ship with this build, and the checks a careful reviewer would make of them.

use std::collections::BTreeMap;

use include_dir::{Dir, DirEntry, include_dir};

use crate::rule::AnalyticsRule;

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../content/detections");

/// One detection folder.
#[derive(Clone, Debug)]
pub struct Detection {
    /// `credential-access/linux-failed-sign-ins`.
    pub path: String,
    pub rule: AnalyticsRule,
    /// What the analyst reads: what it means, what to do, known blind spots.
    pub guide: String,
    /// Rows that must raise the rule, as NDJSON; each names its table in `Type`.
    pub fires: String,
    /// Near misses that must not.
    pub quiet: String,
}

/// Something wrong with a piece of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    pub message: String,
}

/// All detections, in path order.
#[derive(Clone, Debug, Default)]
pub struct Pack {
    pub detections: Vec<Detection>,
}

impl Pack {
    /// The shipped detections, with findings for folders that cannot be used.
    pub fn shipped() -> (Self, Vec<Finding>) {
        let mut files = BTreeMap::new();
        collect(&SHIPPED, &mut files);
        Self::from_files(&files)
    }

    /// Builds a pack from `path → text`, where paths look like `tactic/name/rule.yaml`.
    pub fn from_files(files: &BTreeMap<String, String>) -> (Self, Vec<Finding>) {
        let mut pack = Self::default();
        let mut findings = Vec::new();
        for (path, text) in files {
            let Some(folder) = path.strip_suffix("/rule.yaml") else { continue };
            if folder.starts_with("_retired/") {
                continue;
            }
            let part = |name: &str| files.get(&format!("{folder}/{name}")).cloned().unwrap_or_default();
            match AnalyticsRule::from_yaml(text) {
                Ok(rule) => pack.detections.push(Detection {
                    path: folder.to_owned(),
                    rule,
                    guide: part("guide.md"),
                    fires: part("fires.jsonl"),
                    quiet: part("quiet.jsonl"),
                }),
                Err(error) => {
                    let source =
                        std::error::Error::source(&error).map(|s| format!(": {s}")).unwrap_or_default();
                    findings.push(Finding { path: path.clone(), message: format!("{error}{source}") });
                }
            }
        }
        findings.extend(pack.check());
        (pack, findings)
    }

    /// What a reviewer would object to, beyond what parsing found.
    fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut seen = BTreeMap::new();
        for detection in &self.detections {
            let mut object = |message: String| {
                findings.push(Finding { path: detection.path.clone(), message });
            };
            let rule = &detection.rule;
            if let Some(other) = seen.insert(rule.id, &detection.path) {
                object(format!("id `{}` is already used by `{other}`", rule.id));
            }
            let (tactic_folder, name) = detection.path.split_once('/').unwrap_or(("", &detection.path));
            if slug(&rule.name) != name {
                object(format!("folder `{name}` does not agree with the title: `{}`", slug(&rule.name)));
            }
            let tactic_slugs: Vec<String> = rule.tactics.iter().map(|tactic| tactic_slug(tactic)).collect();
            if !tactic_slugs.iter().any(|tactic| tactic == tactic_folder) {
                object(format!(
                    "folder `{tactic_folder}` is not one of the rule's tactics {:?}",
                    rule.tactics
                ));
            }
            for technique in &rule.techniques {
                if !is_technique(technique) {
                    object(format!("`{technique}` is not a MITRE ATT&CK technique id"));
                }
            }
            if detection.guide.trim().is_empty()
                || detection.fires.trim().is_empty()
                || detection.quiet.trim().is_empty()
            {
                object("guide.md, fires.jsonl and quiet.jsonl must all be there and filled".to_owned());
            }
            if !detection.guide.contains("## Blind spots") {
                object("guide.md has no `## Blind spots` section".to_owned());
            }
        }
        findings
    }
}

fn collect(dir: &Dir<'_>, files: &mut BTreeMap<String, String>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(dir) => collect(dir, files),
            DirEntry::File(file) => {
                if let Some(text) = file.contents_utf8() {
                    files.insert(file.path().display().to_string(), text.to_owned());
                }
            }
        }
    }
}

fn slug(title: &str) -> String {
    let words: Vec<String> = title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}

/// `CredentialAccess` → `credential-access`.
fn tactic_slug(tactic: &str) -> String {
    let mut out = String::new();
    for (at, c) in tactic.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// `T1234` or `T1234.001`.
fn is_technique(text: &str) -> bool {
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.strip_prefix('T').map(|rest| rest.split_once('.').unwrap_or((rest, "000"))) {
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_content_has_no_findings() {
        let (pack, findings) = Pack::shipped();
        assert_eq!(findings, []);
        assert!(pack.detections.len() >= 6, "{}", pack.detections.len());
    }

    #[test]
    fn rules_survive_the_arm_form() {
        for detection in Pack::shipped().0.detections {
            let body = detection.rule.to_arm();
            assert_eq!(AnalyticsRule::from_arm(detection.rule.id, &body).unwrap(), detection.rule);
        }
    }

    #[test]
    fn wrong_rules_say_what_is_wrong() {
        let good = "id: 00000000-0000-0000-0000-000000000001\nname: A b\nseverity: Low\nquery: T\nqueryFrequency: 5m\nqueryPeriod: 5m\n";
        assert!(AnalyticsRule::from_yaml(good).is_ok());
        for (from, to, wanted) in [
            ("queryPeriod: 5m", "queryPeriod: 30s", "1 minute to 14 days"),
            ("queryFrequency: 5m", "queryFrequency: 1h", "at least queryFrequency"),
            ("queryFrequency: 5m", "queryFrequency: often", "a duration such as"),
            ("severity: Low", "severity: Low\nkind: Fusion", "`Fusion` is not run"),
            ("query: T", "query: ''", "needs a query"),
            ("name: A b", "name: [", "not valid YAML"),
        ] {
            let error = AnalyticsRule::from_yaml(&good.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
        let duplicate: BTreeMap<String, String> =
            [("x/a-b/rule.yaml".to_owned(), good.to_owned()), ("x/c/rule.yaml".to_owned(), good.to_owned())]
                .into();
        let (_, findings) = Pack::from_files(&duplicate);
        assert!(findings.iter().any(|finding| finding.message.contains("already used")), "{findings:?}");
    }
}
