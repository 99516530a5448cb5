//! Installed packages from dpkg's status file: paragraphs of `Field: value`, separated by empty lines.

use std::io;
use std::path::Path;

use crate::files;

/// Where dpkg keeps what is installed.
pub(super) const STATUS: &str = "/var/lib/dpkg/status";
/// The file of a large desktop has 10 MB.
const STATUS_BYTES_MAX: u64 = 128 << 20;

/// One installed package, of dpkg or rpm.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    pub name: String,
    pub version: String,
    pub architecture: String,
    pub publisher: String,
    pub summary: String,
    /// Source package, when it has another name.
    pub source: String,
}

/// Reads the status file; `None` when dpkg is not used here.
///
/// # Errors
/// When the file is there and cannot be read.
pub(super) fn read() -> io::Result<Option<Vec<Package>>> {
    let bytes = files::read_bounded(Path::new(STATUS), STATUS_BYTES_MAX)?;
    Ok(bytes.map(|bytes| parse_status(&String::from_utf8_lossy(&bytes))))
}

/// The packages that are installed now. Removed ones with configuration left, and paragraphs that make no
/// sense, are left out.
pub fn parse_status(text: &str) -> Vec<Package> {
    paragraphs(text)
        .filter_map(|paragraph| {
            let installed = paragraph.get("Status")?.ends_with(" installed");
            let package = package(&paragraph)?;
            installed.then_some(package)
        })
        .collect()
}

fn package(paragraph: &Paragraph<'_>) -> Option<Package> {
    let text = |name: &str| paragraph.get(name).unwrap_or_default().to_owned();
    Some(Package {
        name: paragraph.get("Package")?.to_owned(),
        version: paragraph.get("Version")?.to_owned(),
        architecture: text("Architecture"),
        publisher: text("Maintainer"),
        summary: text("Description"),
        // `Source: name (version)`.
        source: paragraph
            .get("Source")
            .and_then(|source| source.split(' ').next())
            .unwrap_or_default()
            .to_owned(),
    })
}

/// The first lines of a paragraph's fields.
pub(super) struct Paragraph<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Paragraph<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// The paragraphs of a Debian control file. Continuation lines are skipped: none of our fields has any.
pub(super) fn paragraphs(text: &str) -> impl Iterator<Item = Paragraph<'_>> {
    text.split("\n\n").map(|block| {
        let fields = block.lines().filter(|line| !line.starts_with([' ', '\t']));
        Paragraph(
            fields
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.trim(), value.trim()))
                .collect(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count_and_garbage_is_skipped() {
        let text = "Package: bash\nStatus: install ok installed\nVersion: 5.2.15-2+b7\nArchitecture: amd64\n\
            Maintainer: Someone <x@example.org>\nDescription: shell\n more: text\n\n\
            Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
            Package: half\nStatus: install ok installed\n\n\
            \u{0}\u{1}garbage\n: : :\n\n\n\n\
            Package: libc6\nStatus: hold ok installed\nSource: glibc (2.36-9)\nVersion: 2.36-9+deb12u9\n";
        let packages = parse_status(text);
        let names: Vec<_> =
            packages.iter().map(|package| (package.name.as_str(), package.source.as_str())).collect();
        assert_eq!(names, [("bash", ""), ("libc6", "glibc")]);
        assert_eq!(packages[0].summary, "shell");
        assert!(parse_status("").is_empty());
    }
}
