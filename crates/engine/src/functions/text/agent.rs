//! `parse_user_agent`: browser, operating system and device of the text that browsers send.
//!
//! Families and version parts are named as the public user-agent lists name them. The tables hold the
//! agents seen in practice, most telling first; what no rule knows is `Other`.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value as Tree, json};

use super::super::convert::text;
use super::super::dynamic::{elements, from_tree};
use super::super::kernel::{Entry, strict};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[strict("parse_user_agent", |args, _| {
    let agent = text(args[0].clone());
    let wanted: Vec<String> = match args.get(1) {
        None => ["browser", "os", "device"].map(str::to_owned).to_vec(),
        Some(Value::Dynamic(json)) if json.starts_with('[') => {
            let all = elements(json).unwrap_or_default();
            all.iter().filter_map(Tree::as_str).map(str::to_ascii_lowercase).collect()
        }
        Some(one) => vec![text(one.clone()).to_ascii_lowercase()],
    };
    let mut found = Map::new();
    for part in wanted {
        match part.as_str() {
            "browser" => found.insert("Browser".to_owned(), browser(&agent)),
            "os" => found.insert("OperatingSystem".to_owned(), system(&agent)),
            "device" => found.insert("Device".to_owned(), device(&agent)),
            _ => return Value::Null,
        };
    }
    from_tree(&Tree::Object(found))
})];

/// A pattern whose groups are the version's parts, and the family it tells of.
struct Rule {
    regex: Regex,
    family: &'static str,
}

fn compile(rules: &[(&str, &'static str)]) -> Vec<Rule> {
    // A pattern that does not compile would be found by the tests, which use every rule.
    let rules = rules.iter().filter_map(|(pattern, family)| Some((Regex::new(pattern).ok()?, *family)));
    rules.map(|(regex, family)| Rule { regex, family }).collect()
}

static BROWSER_RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| compile(BROWSERS));
static SYSTEM_RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| compile(SYSTEMS));

const BROWSERS: &[(&str, &str)] = &[
    (r"(?i)Googlebot/(\d+)\.(\d+)", "Googlebot"),
    (r"(?i)bingbot/(\d+)\.(\d+)", "bingbot"),
    (r"YandexBot/(\d+)\.(\d+)", "YandexBot"),
    (r"DuckDuckBot/(\d+)\.(\d+)", "DuckDuckBot"),
    (r"AdobeAIR/(\d+)\.(\d+)(?:\.(\d+))?", "AdobeAIR"),
    (r"Series60/(\d+)\.(\d+).*Safari", "Nokia OSS Browser"),
    (r"EdgA/(\d+)\.(\d+)(?:\.(\d+))?", "Edge Mobile"),
    (r"EdgiOS/(\d+)\.(\d+)(?:\.(\d+))?", "Edge Mobile"),
    (r"Edg(?:e)?/(\d+)\.(\d+)(?:\.(\d+))?", "Edge"),
    (r"OPR/(\d+)\.(\d+)(?:\.(\d+))?", "Opera"),
    (r"Opera/.*Version/(\d+)\.(\d+)(?:\.(\d+))?", "Opera"),
    (r"Opera[/ ](\d+)\.(\d+)", "Opera"),
    (r"Vivaldi/(\d+)\.(\d+)(?:\.(\d+))?", "Vivaldi"),
    (r"YaBrowser/(\d+)\.(\d+)(?:\.(\d+))?", "Yandex Browser"),
    (r"SamsungBrowser/(\d+)\.(\d+)(?:\.(\d+))?", "Samsung Internet"),
    (r"Electron/(\d+)\.(\d+)(?:\.(\d+))?", "Electron"),
    (r"HeadlessChrome/(\d+)\.(\d+)(?:\.(\d+))?", "HeadlessChrome"),
    (r"FxiOS/(\d+)\.(\d+)(?:\.(\d+))?", "Firefox iOS"),
    (r"CriOS/(\d+)\.(\d+)(?:\.(\d+))?", "Chrome Mobile iOS"),
    (r"; wv\).*Chrome/(\d+)\.(\d+)(?:\.(\d+))?", "Chrome Mobile WebView"),
    (r"Chrome/(\d+)\.(\d+)(?:\.(\d+))?.*Mobile", "Chrome Mobile"),
    (r"Chromium/(\d+)\.(\d+)(?:\.(\d+))?", "Chromium"),
    (r"Chrome/(\d+)\.(\d+)(?:\.(\d+))?", "Chrome"),
    (r"Android.*Firefox/(\d+)\.(\d+)(?:\.(\d+))?", "Firefox Mobile"),
    (r"Thunderbird/(\d+)\.(\d+)(?:\.(\d+))?", "Thunderbird"),
    (r"SeaMonkey/(\d+)\.(\d+)(?:\.(\d+))?", "SeaMonkey"),
    (r"Firefox/(\d+)\.(\d+)(?:\.(\d+))?", "Firefox"),
    (r"Trident/7.*rv:(\d+)\.(\d+)", "IE"),
    (r"IEMobile[/ ](\d+)\.(\d+)", "IE Mobile"),
    (r"MSIE (\d+)\.(\d+)", "IE"),
    (r"Android.*Version/(\d+)\.(\d+)(?:\.(\d+))?.*Safari", "Android"),
    (r"(?:iPhone|iPad|iPod).*Version/(\d+)\.(\d+)(?:\.(\d+))?.*Safari", "Mobile Safari"),
    (r"Version/(\d+)\.(\d+)(?:\.(\d+))?.*Safari", "Safari"),
    (r"(?:iPhone|iPad|iPod).*AppleWebKit", "Mobile Safari UI/WKWebView"),
    (r"WindowsPowerShell/(\d+)\.(\d+)(?:\.(\d+))?", "PowerShell"),
    (r"(?i)^curl/(\d+)\.(\d+)(?:\.(\d+))?", "curl"),
    (r"(?i)^Wget/(\d+)\.(\d+)(?:\.(\d+))?", "Wget"),
    (r"python-requests/(\d+)\.(\d+)(?:\.(\d+))?", "Python Requests"),
    (r"Python-urllib/(\d+)\.(\d+)", "Python-urllib"),
    (r"Go-http-client/(\d+)\.(\d+)", "Go-http-client"),
    (r"Apache-HttpClient/(\d+)\.(\d+)(?:\.(\d+))?", "Apache-HttpClient"),
    (r"okhttp/(\d+)\.(\d+)(?:\.(\d+))?", "okhttp"),
    (r"(?:^| )Java/(\d+)\.(\d+)(?:\.(\d+))?", "Java"),
    (r"Microsoft Office/(\d+)\.(\d+)(?:\.(\d+))?", "Microsoft Office"),
];

const SYSTEMS: &[(&str, &str)] = &[
    (r"Windows Phone(?: OS)? (\d+)\.(\d+)", "Windows Phone"),
    (r"SymbianOS/(\d+)\.(\d+)", "Symbian OS"),
    (r"Android[ -](\d+)(?:\.(\d+))?(?:\.(\d+))?", "Android"),
    (r"(?:iPhone|CPU) OS (\d+)_(\d+)(?:_(\d+))?", "iOS"),
    (r"Mac OS X (\d+)[_.](\d+)(?:[_.](\d+))?", "Mac OS X"),
    (r"CrOS \S+ (\d+)\.(\d+)(?:\.(\d+))?", "Chrome OS"),
    (r"Ubuntu(?:/(\d+)\.(\d+))?", "Ubuntu"),
    (r"Fedora(?:/(\d+)\.(\d+))?", "Fedora"),
    (r"Debian", "Debian"),
    (r"FreeBSD", "FreeBSD"),
    (r"Linux", "Linux"),
];

/// Windows tells its kernel's version; people know another.
const WINDOWS: &[(&str, &str)] = &[
    ("Windows NT 10.0", "10"),
    ("Windows NT 6.3", "8.1"),
    ("Windows NT 6.2", "8"),
    ("Windows NT 6.1", "7"),
    ("Windows NT 6.0", "Vista"),
    ("Windows NT 5.2", "XP"),
    ("Windows NT 5.1", "XP"),
    ("Windows XP", "XP"),
    ("Windows NT 5.0", "2000"),
    ("Windows 98", "98"),
    ("Windows 95", "95"),
];

/// The first rule that matches, and its version parts, `""` where there are none.
fn matched(rules: &[Rule], agent: &str) -> (&'static str, [String; 3]) {
    for rule in rules {
        if let Some(found) = rule.regex.captures(agent) {
            let part = |at| found.get(at).map(|part| part.as_str().to_owned()).unwrap_or_default();
            return (rule.family, [part(1), part(2), part(3)]);
        }
    }
    ("Other", Default::default())
}

fn browser(agent: &str) -> Tree {
    let (family, [major, minor, patch]) = matched(&BROWSER_RULES, agent);
    json!({ "Family": family, "MajorVersion": major, "MinorVersion": minor, "Patch": patch })
}

fn system(agent: &str) -> Tree {
    let windows = WINDOWS.iter().find(|(text, _)| agent.contains(text));
    // A telephone may claim to be Windows too, behind its own name.
    let (family, [major, minor, patch]) = match windows {
        Some((_, version)) if !agent.contains("Windows Phone") => {
            let (major, minor) = version.split_once('.').unwrap_or((version, ""));
            ("Windows", [major.to_owned(), minor.to_owned(), String::new()])
        }
        _ => matched(&SYSTEM_RULES, agent),
    };
    json!({
        "Family": family, "MajorVersion": major, "MinorVersion": minor, "Patch": patch, "PatchMinor": "",
    })
}

static NOKIA: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"Nokia ?([A-Z]*\d[\w-]*)").ok());
static ANDROID_MODEL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"Android[^;)]*; (?:[a-z]{2}[-_][A-Za-z]{2}; )?([^;)]+?)(?: Build/[^;)]*)?[;)]").ok()
});

fn device(agent: &str) -> Tree {
    let named =
        |family: &str, brand: &str, model: &str| json!({ "Family": family, "Brand": brand, "Model": model });
    let lower = agent.to_ascii_lowercase();
    if ["bot/", "bot;", "spider", "crawler"].iter().any(|word| lower.contains(word)) {
        return named("Spider", "Spider", "Desktop");
    }
    for apple in ["iPhone", "iPad", "iPod"] {
        if agent.contains(apple) {
            return named(apple, "Apple", apple);
        }
    }
    if agent.contains("Macintosh") {
        return named("Mac", "Apple", "Mac");
    }
    if let Some(found) = NOKIA.as_ref().and_then(|regex| regex.captures(agent)) {
        return named(&format!("Nokia {}", &found[1]), "Nokia", &found[1]);
    }
    if let Some(found) = ANDROID_MODEL.as_ref().and_then(|regex| regex.captures(agent)) {
        let model = found[1].trim();
        let brand = match model {
            _ if model.starts_with("SM-") || model.starts_with("GT-") => "Samsung",
            _ if model.starts_with("Pixel") || model.starts_with("Nexus") => "Google",
            _ if model.starts_with("HUAWEI") => "Huawei",
            _ => "Generic_Android",
        };
        let family = if brand == "Samsung" { format!("Samsung {model}") } else { model.to_owned() };
        return named(&family, brand, model);
    }
    named("Other", "", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles() {
        assert_eq!(BROWSER_RULES.len(), BROWSERS.len());
        assert_eq!(SYSTEM_RULES.len(), SYSTEMS.len());
        assert!(NOKIA.is_some() && ANDROID_MODEL.is_some());
    }

    #[test]
    fn agents_are_told_apart() {
        for (agent, family, os, model) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91",
                "Edge",
                "Windows",
                "",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
                "Mobile Safari",
                "iOS",
                "iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-G991B Build/TP1A) AppleWebKit/537.36 Chrome/119.0.6045.66 Mobile Safari/537.36",
                "Chrome Mobile",
                "Android",
                "SM-G991B",
            ),
            (
                "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
                "Firefox",
                "Ubuntu",
                "",
            ),
            ("curl/8.4.0", "curl", "Other", ""),
            ("", "Other", "Other", ""),
        ] {
            assert_eq!(browser(agent)["Family"], family, "{agent}");
            assert_eq!(system(agent)["Family"], os, "{agent}");
            assert_eq!(device(agent)["Model"], model, "{agent}");
        }
    }
}
