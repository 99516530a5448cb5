//! The sensor extension.

use anyhow::Result;

use crate::extension::Context;

/// Runs until told to stop.
///
/// # Errors
/// When no source of process events can be opened.
pub async fn run(context: Context) -> Result<()> {
    context.stop.cancelled().await;
    Ok(())
}
