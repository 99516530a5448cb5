//! The key that protected settings are sealed to. It is made once for each state folder and outlives certificates, so
//! that what was sealed last year still opens.

use std::io;
use std::path::Path;

use bartizan_base::ResourceId;
use bartizan_seal::{OpeningKey, SealError};
use bartizan_wire::DesiredExtension;
use serde_json::Value;

use crate::files;

/// Reads the key of a state folder, or makes it.
///
/// # Errors
/// When the file is damaged or cannot be written.
pub fn open(state: &Path) -> io::Result<OpeningKey> {
    let path = state.join("sealing-key");
    let damaged = |error: SealError| {
        let text =
            format!("`{}`: {error}; remove it, and write the protected settings again", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    };
    if let Some(text) = files::read_bounded(&path, 4096)? {
        return OpeningKey::from_stored(&String::from_utf8_lossy(&text)).map_err(damaged);
    }
    let key = OpeningKey::generate().map_err(damaged)?;
    files::write_atomically(&path, key.to_stored().as_bytes())?;
    Ok(key)
}

/// The extension with its protected settings opened and laid over the others. The result is for the program's
/// standard input only: no file and no report may hold it.
///
/// # Errors
/// When they were sealed to another key or for another resource, or are no object.
pub fn reveal(
    key: &OpeningKey,
    machine: &ResourceId,
    extension: &DesiredExtension,
) -> Result<DesiredExtension, SealError> {
    let Some(sealed) = &extension.protected else { return Ok(extension.clone()) };
    let text = key.open(&format!("{machine}/extensions/{}", extension.name), sealed)?;
    let Ok(Value::Object(secret)) = serde_json::from_slice(&text) else { return Err(SealError::Damaged) };
    let mut open = DesiredExtension { protected: None, ..extension.clone() };
    if !open.settings.is_object() {
        open.settings = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(settings) = &mut open.settings {
        settings.extend(secret);
    }
    Ok(open)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bartizan_wire::ExtensionProgram;
    use serde_json::json;

    #[test]
    fn the_key_stays_and_protected_settings_win_over_the_others() {
        let state = tempfile::tempdir().unwrap();
        let key = open(state.path()).unwrap();
        assert_eq!(open(state.path()).unwrap().public(), key.public());
        let mode = std::os::unix::fs::MetadataExt::mode(
            &std::fs::metadata(state.path().join("sealing-key")).unwrap(),
        );
        assert_eq!(mode & 0o777, 0o600);
        let machine =
            ResourceId::parse("/subscriptions/s/resourceGroups/g/providers/P.Q/machines/m").unwrap();
        let sealed = |text: &str| {
            bartizan_seal::seal(&key.public(), &format!("{machine}/extensions/X"), text.as_bytes()).unwrap()
        };
        let mut extension = DesiredExtension {
            name: "X".to_owned(),
            publisher: String::new(),
            kind: String::new(),
            program: ExtensionProgram::Monitor,
            version: "1".to_owned(),
            settings: json!({"a": 1, "b": 1}),
            protected: Some(sealed(r#"{"b": 2}"#)),
            streams: Default::default(),
        };
        assert_eq!(reveal(&key, &machine, &extension).unwrap().settings, json!({"a": 1, "b": 2}));
        extension.name = "Y".to_owned();
        assert_eq!(reveal(&key, &machine, &extension), Err(SealError::Damaged), "sealed for X");
        extension.name = "X".to_owned();
        extension.protected = Some(sealed("[]"));
        assert_eq!(reveal(&key, &machine, &extension), Err(SealError::Damaged));
        std::fs::write(state.path().join("sealing-key"), "garbage").unwrap();
        assert!(open(state.path()).unwrap_err().to_string().contains("sealing-key"));
    }
}
