//! Functions written one row at a time, wrapped as DataFusion functions.
//!
//! A kernel sees KQL values, not arrays: that keeps two hundred functions short and their null rules
//! visible. Functions on the hot path of detections (text search) have vectorised forms of their own.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, FieldRef};
use bartizan_schema::KqlType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use parking_lot::Mutex;
use regex::Regex;

use super::registry;
use crate::error::too_large;
use crate::types::{arrow_field, arrow_type};
use crate::value::{ColumnBuilder, Reader, Value};

/// What a kernel computes for one row.
pub(crate) type RowFn = for<'a> fn(&[Value<'a>], &mut Scratch) -> Value<'a>;

/// What a function gives for whole columns of arguments of these types, where there is a quick way; otherwise it is
/// asked row by row.
pub(crate) type ColumnFn = fn(&[ColumnarValue], &[KqlType]) -> Option<ArrayRef>;

/// What happens when an argument is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// The result is null (`""` for strings) and the kernel is not called.
    Propagate,
    /// The kernel is called and decides.
    Seen,
}

/// An entry of the function registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub name: &'static str,
    pub nulls: Nulls,
    pub run: RowFn,
    pub column: Option<ColumnFn>,
}

impl Entry {
    /// Tries `column` first.
    pub(crate) const fn by_column(self, column: ColumnFn) -> Self {
        Self { column: Some(column), ..self }
    }
}

/// A kernel that is never called with a null argument.
pub(crate) const fn strict(name: &'static str, run: RowFn) -> Entry {
    Entry { name, nulls: Nulls::Propagate, run, column: None }
}

/// A kernel that sees nulls.
pub(crate) const fn seeing_nulls(name: &'static str, run: RowFn) -> Entry {
    Entry { name, nulls: Nulls::Seen, run, column: None }
}

/// Longest text or dynamic value a function may make: half of what an upload may have in a row.
pub(crate) const VALUE_BYTES_MAX: usize = 32 << 20;
/// Texts and dynamic values that a function may make of the rows of one batch. It holds them at once, before
/// they can be accounted for.
pub(crate) const BATCH_BYTES_MAX: usize = 256 << 20;

/// State a kernel may keep from row to row of one batch.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    regexes: HashMap<String, Option<Regex>>,
    /// The declared type of the result, for functions that convert to it.
    pub wanted: Option<KqlType>,
    /// Set by a kernel whose result would be larger than [`VALUE_BYTES_MAX`].
    too_large: bool,
    /// Lines and polygons read for earlier rows.
    pub shapes: super::geo::Shapes,
}

/// Compiled patterns kept for the whole process.
const REGEX_CACHE_ENTRIES: usize = 512;
/// Memory one compiled pattern may take; a larger one counts as invalid.
const REGEX_SIZE_BYTES: usize = 4 << 20;

static REGEXES: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);

/// Compiles `pattern`, or finds it in the process-wide cache. `None` when it is not a valid pattern.
pub(crate) fn compile(pattern: &str) -> Option<Regex> {
    if let Some(found) = REGEXES.lock().get(pattern) {
        return found.clone();
    }
    let compiled = build(pattern).ok();
    let mut cache = REGEXES.lock();
    if cache.len() >= REGEX_CACHE_ENTRIES {
        cache.clear();
    }
    cache.insert(pattern.to_owned(), compiled.clone());
    compiled
}

fn build(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(&super::text::re2::translated(pattern)).size_limit(REGEX_SIZE_BYTES).build()
}

/// What is wrong with `pattern`, in one line; `None` when it is a valid pattern.
pub(crate) fn mistake(pattern: &str) -> Option<String> {
    if compile(pattern).is_some() {
        return None;
    }
    let error = build(pattern).err()?;
    Some(match error {
        regex::Error::CompiledTooBig(limit) => format!("it needs more than {limit} bytes of memory"),
        // the lines before show the place in the pattern
        error => {
            let text = error.to_string();
            let line = text.lines().last().unwrap_or_default();
            line.trim_start_matches("error: ").to_owned()
        }
    })
}

impl Scratch {
    /// Whether a result of `bytes` is too large to be made; the query then ends with that error.
    pub(crate) fn too_large(&mut self, bytes: usize) -> bool {
        self.too_large |= bytes > VALUE_BYTES_MAX;
        self.too_large
    }

    /// The compiled form of `pattern`.
    pub(crate) fn regex(&mut self, pattern: &str) -> Option<&Regex> {
        if !self.regexes.contains_key(pattern) {
            if self.regexes.len() >= REGEX_CACHE_ENTRIES {
                self.regexes.clear();
            }
            self.regexes.insert(pattern.to_owned(), compile(pattern));
        }
        self.regexes.get(pattern).and_then(Option::as_ref)
    }
}

/// A registry entry bound to argument and result types.
#[derive(Debug)]
pub(crate) struct Kernel {
    entry: Entry,
    args: Vec<KqlType>,
    ret: KqlType,
    signature: Signature,
}

impl Kernel {
    pub(crate) fn new(entry: Entry, args: Vec<KqlType>, ret: KqlType) -> Self {
        let types = if args.is_empty() {
            TypeSignature::Nullary
        } else {
            TypeSignature::Exact(args.iter().map(|ty| arrow_type(*ty)).collect())
        };
        let volatile = registry::is_volatile(entry.name);
        let volatility = if volatile { Volatility::Volatile } else { Volatility::Immutable };
        Self { entry, args, ret, signature: Signature::new(types, volatility) }
    }
}

impl PartialEq for Kernel {
    fn eq(&self, other: &Self) -> bool {
        self.entry.name == other.entry.name && self.args == other.args && self.ret == other.ret
    }
}

impl Eq for Kernel {}

impl Hash for Kernel {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.entry.name, &self.args, self.ret).hash(state);
    }
}

impl ScalarUDFImpl for Kernel {
    fn name(&self) -> &str {
        self.entry.name
    }

    /// With the types, which tell calls apart that only convert to another type.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<String> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(format!("{}:{}({})", self.entry.name, self.ret, args.join(",")))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[DataType]) -> Result<DataType> {
        Ok(arrow_type(self.ret))
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(FieldRef::new(arrow_field(self.entry.name, self.ret)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if let Some(column) = self.entry.column.and_then(|column| column(&args.args, &self.args)) {
            return Ok(ColumnarValue::Array(column));
        }
        let volatile = self.signature.volatility == Volatility::Volatile;
        let constant = !volatile && args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let readers = args
            .args
            .into_iter()
            .zip(&self.args)
            .map(|(arg, ty)| {
                let constant = matches!(arg, ColumnarValue::Scalar(_));
                Reader::new(&arg.into_array(if constant { 1 } else { rows })?, *ty, constant)
            })
            .collect::<Result<Vec<_>>>()?;
        let mut scratch = Scratch { wanted: Some(self.ret), ..Scratch::default() };
        let mut out = ColumnBuilder::new(self.ret, rows);
        let mut values = Vec::with_capacity(readers.len());
        let mut bytes = 0;
        for row in 0..rows {
            values.clear();
            values.extend(readers.iter().map(|reader| reader.get(row)));
            let skip = self.entry.nulls == Nulls::Propagate && values.iter().any(Value::is_null);
            let value = if skip { Value::Null } else { (self.entry.run)(&values, &mut scratch) };
            let size = value.text_bytes();
            bytes += size;
            if scratch.too_large(size) {
                let name = self.entry.name;
                return Err(too_large(format!(
                    "`{name}` makes a value of more than {VALUE_BYTES_MAX} bytes"
                )));
            }
            if bytes > BATCH_BYTES_MAX {
                let name = self.entry.name;
                return Err(too_large(format!(
                    "`{name}` makes more than {BATCH_BYTES_MAX} bytes of {rows} rows"
                )));
            }
            out.push(value);
        }
        let array = out.finish();
        Ok(if constant {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
        } else {
            ColumnarValue::Array(array)
        })
    }
}
