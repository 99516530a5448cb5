//! The inventory extension.

use anyhow::Result;

use crate::extension::Context;

/// Runs until told to stop.
///
/// # Errors
/// When the settings are wrong or a spool cannot be opened.
pub async fn run(context: Context) -> Result<()> {
    context.stop.cancelled().await;
    Ok(())
}
