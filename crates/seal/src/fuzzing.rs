//! A way in for the fuzzer: any manifest that stands the checks stays in its folder.

use std::path::{Component, Path};

use bartizan_wire::{PackageFile, PackageManifest};

use crate::package::check;

/// A manifest as JSON, or a path in one.
///
/// # Panics
/// When a path that leaves its folder passes.
pub fn manifest(text: &str) {
    let file = PackageFile { path: text.to_owned(), size: 1, sha256: "00".repeat(32), executable: true };
    let program = PackageFile { path: bartizan_wire::PACKAGE_PROGRAM.to_owned(), ..file.clone() };
    let read = serde_json::from_str(text).unwrap_or_else(|_| PackageManifest {
        name: String::new(),
        version: "1".to_owned(),
        platform: String::new(),
        files: vec![program, file],
    });
    if check(&read).is_ok() {
        for file in &read.files {
            let inside = Path::new(&file.path).components().all(|part| matches!(part, Component::Normal(_)));
            assert!(inside && !file.path.is_empty(), "`{}` leaves its folder", file.path);
        }
    }
}
