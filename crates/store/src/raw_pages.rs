//! Coded texts as a column of a Parquet file: the different texts are its dictionary, the rows' numbers are one page,
//! packed to as few bits as they need, and the texts of a column that was given up on are pages of their own.

use std::io::Write as _;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use crate::decode::CodedTexts;

/// The bytes of a column, and what is to be said of them in the file's footer.
pub(crate) fn encode(
    texts: CodedTexts,
    column: ColumnDescPtr,
) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
    let (rows, different) = (texts.len(), texts.different());
    let CodedTexts { texts, codes, pages, .. } = texts;
    let mut sink = TrackedWrite::new(Vec::with_capacity(texts.len() + 2 * codes.len() + 1024));
    let mut writer = SerializedPageWriter::new(&mut sink);
    let mut data_at = None;
    if different > 0 {
        let dictionary = Page::DictionaryPage {
            buf: texts.into(),
            num_values: different as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let written = writer.write_page(uncompressed(dictionary))?;
        let numbers = data_page(packed(&codes, different), codes.len(), Encoding::RLE_DICTIONARY);
        data_at = Some(written.bytes_written);
        writer.write_page(uncompressed(numbers))?;
    }
    for page in pages {
        let page = data_page(page.bytes, page.rows, Encoding::PLAIN);
        let written = writer.write_page(uncompressed(page))?;
        data_at = data_at.or(Some(written.offset));
    }
    sink.flush()?;
    let bytes = Bytes::from(sink.into_inner()?);
    let metadata = ColumnChunkMetaData::builder(column)
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
        .set_compression(Compression::UNCOMPRESSED)
        .set_total_compressed_size(bytes.len() as i64)
        .set_total_uncompressed_size(bytes.len() as i64)
        .set_num_values(rows as i64)
        .set_dictionary_page_offset((different > 0).then_some(0))
        .set_data_page_offset(data_at.unwrap_or_default() as i64)
        .build()?;
    let close = ColumnCloseResult {
        bytes_written: bytes.len() as u64,
        rows_written: rows as u64,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    Ok((bytes, close))
}

fn uncompressed(page: Page) -> CompressedPage {
    let size = page.buffer().len();
    CompressedPage::new(page, size)
}

fn data_page(bytes: Vec<u8>, rows: usize, encoding: Encoding) -> Page {
    Page::DataPage {
        buf: bytes.into(),
        num_values: rows as u32,
        encoding,
        def_level_encoding: Encoding::RLE,
        rep_level_encoding: Encoding::RLE,
        statistics: None,
    }
}

/// Numbers below `different` in Parquet's hybrid of runs and packed bits: one run where all are the same.
fn packed(codes: &[u16], different: usize) -> Vec<u8> {
    let bits = (usize::BITS - (different - 1).leading_zeros()).max(1);
    let mut out = Vec::with_capacity(codes.len() * bits as usize / 8 + 16);
    out.push(bits as u8);
    if different == 1 {
        put_varint(&mut out, (codes.len() as u64) << 1);
        out.push(0);
        return out;
    }
    // Packed numbers come in groups of eight; those missing are zeros that no reader looks at.
    put_varint(&mut out, (codes.len().div_ceil(8) as u64) << 1 | 1);
    for group in codes.chunks(8) {
        let mut word = 0_u128;
        for (at, code) in group.iter().enumerate() {
            word |= u128::from(*code) << (at as u32 * bits);
        }
        out.extend_from_slice(&word.to_le_bytes()[..bits as usize]);
    }
    out
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
