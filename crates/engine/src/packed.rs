//! Given rows that lie by until a query wants them: in a tenth of the memory, for what names, types and settings of
//! resources are, and back within milliseconds.

use std::io::Write as _;
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use bartizan_store::decode::Layout;

use crate::error::QueryError;
use crate::given::GivenRows;

/// The fastest level: a higher one makes resources a few in a hundred smaller.
const LEVEL: i32 = 1;

/// [`GivenRows`] as a compressed Arrow IPC stream.
#[derive(Clone, Debug)]
pub struct PackedRows {
    name: &'static str,
    layout: Arc<Layout>,
    stream: Arc<[u8]>,
    /// Bytes of the stream before it was compressed.
    plain: usize,
}

impl GivenRows {
    /// The same rows, packed.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn packed(&self) -> Result<PackedRows, QueryError> {
        let pack = || -> Result<_, ArrowError> {
            let mut plain = Vec::new();
            let mut writer = StreamWriter::try_new(&mut plain, &self.layout.schema)?;
            for batch in &self.batches {
                writer.write(batch)?;
            }
            writer.finish()?;
            drop(writer);
            let mut out = zstd::Encoder::new(Vec::new(), LEVEL)?;
            out.write_all(&plain)?;
            Ok((out.finish()?, plain.len()))
        };
        let (stream, plain) = pack().map_err(|error| QueryError::Internal(error.to_string()))?;
        let layout = Arc::clone(&self.layout);
        Ok(PackedRows { name: self.name, layout, stream: stream.into(), plain })
    }
}

impl PackedRows {
    /// The rows.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub fn rows(&self) -> Result<GivenRows, QueryError> {
        let unpack = || -> Result<_, ArrowError> {
            let mut plain = Buffer::from_vec(zstd::bulk::decompress(&self.stream, self.plain)?);
            let (mut decoder, mut batches) = (StreamDecoder::new(), Vec::new());
            while let Some(batch) = decoder.decode(&mut plain)? {
                batches.push(batch);
            }
            decoder.finish()?;
            Ok(batches)
        };
        let batches = unpack().map_err(|error| QueryError::Internal(error.to_string()))?;
        Ok(GivenRows { name: self.name, layout: Arc::clone(&self.layout), batches })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::RecordBatch;
    use bartizan_base::Ticks;
    use bartizan_schema::{Column, KqlType};
    use serde_json::{Map, Value, json};

    use crate::given::GivenTable;

    use super::*;

    #[test]
    fn rows_are_the_same_after_packing_and_take_a_tenth() {
        let columns = [("id", KqlType::String), ("n", KqlType::Long), ("properties", KqlType::Dynamic)];
        let columns = columns.map(|(name, ty)| Column::new(name, ty)).to_vec();
        let none = GivenRows::none(GivenTable { name: "t", columns });
        let row = |n: u32| {
            let properties = json!({"text": "what a resource says of itself ".repeat(20), "n": n});
            json!({"id": format!("/subscriptions/{n}"), "n": n, "properties": properties})
        };
        let rows: Vec<Map<String, Value>> = (0..2000).filter_map(|n| row(n).as_object().cloned()).collect();
        let all = none.with(&rows, Ticks(0)).unwrap();
        let keep: Vec<bool> = (0..2000).map(|n| n % 3 > 0).collect();
        for before in [none, all.clone(), all.chosen(&keep).unwrap()] {
            let packed = before.packed().unwrap();
            assert_eq!(packed.rows().unwrap().batches, before.batches);
        }
        let bytes: usize = all.batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let packed = all.packed().unwrap().stream.len();
        assert!(packed * 10 < bytes, "{packed} of {bytes}");
    }
}
