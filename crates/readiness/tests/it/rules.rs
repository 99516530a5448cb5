//! Files of prerequisites that are wrong are refused by name.

use bartizan_readiness::Prerequisites;

fn refused(systems: &str, requirements: &str) -> String {
    let yaml = format!("systems: [{systems}]\nrequirements: [{requirements}]\n");
    Prerequisites::parse(&yaml).unwrap_err().to_string()
}

const REST: &str = "name: r, title: t, blocking: true, fact: kernel, what: w, fix: f";

#[test]
fn a_rule_that_cannot_be_decided_is_refused_with_its_place() {
    for (requirement, word) in [
        (format!("{{{REST}, is: {{}}}}"), "no test"),
        (format!("{{{REST}, is: {{atLeast: 1, within: 2}}}}"), "more than one"),
        (format!("{{{REST}, is: {{versionAtLeast: new}}}}"), "not a version"),
        (format!("{{{REST}, is: {{dateSince: yesterday}}}}"), "not a date"),
        (format!("{{{REST}, is: {{isLike: x}}}}"), "isLike"),
        (format!("{{{REST}, unless: moonlight, is: {{atLeast: 1}}}}"), "moonlight"),
        (format!("{{{REST}, is: {{atLeast: 1}}}}, {{{REST}, is: {{atLeast: 1}}}}"), "two of this name"),
        (format!("{{{}, is: {{atLeast: 1}}}}", REST.replace("fix: f", "fix: ' '")), "no fix"),
    ] {
        let message = refused("", &requirement);
        assert!(message.contains(word), "{requirement}: {message}");
    }
    let message = refused("{name: Odd, os: linux, versions: [{support: unsupported}]}", "");
    assert!(message.contains("system `Odd`") && message.contains("alternative"), "{message}");
    assert!(refused("{name: Odd, os: linux, versions: []}", "").contains("no versions"));
    let message = refused("{name: Odd, os: linux, versions: [{from: new, support: supported}]}", "");
    assert!(message.contains("`new` is not a version"), "{message}");
}

#[test]
fn every_unsupported_entry_and_every_requirement_names_a_way_out() {
    let rules = Prerequisites::shipped();
    assert!(rules.systems.len() > 10 && rules.requirements.len() > 15);
    let names: Vec<&str> = rules.requirements.iter().map(|requirement| requirement.name.as_str()).collect();
    for name in
        ["systemd", "root", "disk", "memory", "clock", "kernelTier", "updateKB2999226", "servicingStack"]
    {
        assert!(names.contains(&name), "{name}");
    }
}
