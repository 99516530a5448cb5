//! Files are compared with their checksums before anything of them is read, once in a process: what a
//! query returns was written by us, or the query says that it is missing.

use std::sync::Arc;

use bartizan_store::{Fault, FileEntry};
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

/// Makes readers that check a file first.
#[derive(Debug)]
pub(crate) struct SoundFiles(pub(crate) CachedParquetFileReaderFactory);

impl ParquetFileReaderFactory for SoundFiles {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let entry = file.extensions.get::<Arc<FileEntry>>().map(Arc::clone);
        let reader = self.0.create_reader(partition_index, file, metadata_size_hint, metrics)?;
        Ok(Box::new(SoundFile { entry, reader }))
    }
}

struct SoundFile {
    entry: Option<Arc<FileEntry>>,
    reader: Box<dyn AsyncFileReader + Send>,
}

impl AsyncFileReader for SoundFile {
    fn get_bytes(
        &mut self,
        range: std::ops::Range<u64>,
    ) -> BoxFuture<'_, parquet::errors::Result<bytes::Bytes>> {
        self.reader.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<std::ops::Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<bytes::Bytes>>> {
        self.reader.get_byte_ranges(ranges)
    }

    /// The first thing asked of a reader. DataFusion (55.2) asks for the page index apart from the footer, and
    /// keeps the footer only; asked for both, it keeps both, and a file that is read again is not looked into.
    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            if let Some(entry) = self.entry.take() {
                check(entry).await?;
            }
            let options = options.cloned().unwrap_or_default();
            let options = options.with_page_index_policy(PageIndexPolicy::Optional);
            self.reader.get_metadata(Some(&options)).await
        }
        .boxed()
    }
}

async fn check(entry: Arc<FileEntry>) -> parquet::errors::Result<()> {
    if entry.is_checked() {
        return Ok(());
    }
    let checked = tokio::task::spawn_blocking(move || entry.check()).await;
    let checked: std::result::Result<(), Fault> =
        checked.map_err(|error| ParquetError::External(Box::new(error)))?;
    checked.map_err(|fault| ParquetError::External(Box::new(fault)))
}
