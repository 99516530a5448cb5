//! `docs/reference/assessments.md` is made from the shipped content; `UPDATE_GOLDEN=1` writes it anew.

use std::fmt::Write;
use std::path::Path;

use bartizan_posture::catalog::Catalog;

#[test]
fn the_reference_page_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/assessments.md");
    let page = page(&Catalog::shipped().unwrap());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, page).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "{} is stale; run the test with UPDATE_GOLDEN=1", path.display());
}

fn page(catalog: &Catalog) -> String {
    let mut out = String::from("# Assessments\n\nMade from `content/assessments`; do not edit.\n");
    for control in &catalog.controls {
        let assessments: Vec<_> = catalog
            .assessments
            .iter()
            .filter(|assessment| assessment.control == control.display_name)
            .collect();
        if assessments.is_empty() {
            continue;
        }
        write!(
            out,
            "\n## {} ({} points)\n\n{}\n",
            control.display_name, control.max_score, control.description
        )
        .unwrap();
        for assessment in assessments {
            write!(
                out,
                "\n### {}\n\n{} · `{}`\n\n{}\n\n**Fix.**\n\n{}\n",
                assessment.display_name,
                assessment.severity,
                assessment.key,
                assessment.description,
                assessment.remediation.trim_end(),
            )
            .unwrap();
            if !assessment.blind_spots.is_empty() {
                out.push_str("\n**Blind spots.**\n\n");
                assessment.blind_spots.iter().for_each(|spot| writeln!(out, "- {spot}").unwrap());
            }
        }
    }
    out
}
