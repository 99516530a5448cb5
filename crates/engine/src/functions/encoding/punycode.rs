//! Punycode, of single labels and of whole domain names.

use idna::punycode;

use super::super::convert::text;
use super::super::kernel::{Entry, strict};
use crate::value::Value;

pub(crate) const FUNCTIONS: &[Entry] = &[
    strict("punycode_from_string", |args, _| {
        punycode::encode_str(&text(args[0].clone())).map_or(Value::Null, Value::string)
    }),
    strict("punycode_to_string", |args, _| {
        punycode::decode_to_string(&text(args[0].clone())).map_or(Value::Null, Value::string)
    }),
    strict("punycode_domain_from_string", |args, _| {
        idna::domain_to_ascii(&text(args[0].clone())).map_or(Value::Null, Value::string)
    }),
    strict("punycode_domain_to_string", |args, _| match idna::domain_to_unicode(&text(args[0].clone())) {
        (domain, Ok(())) => Value::string(domain),
        (_, Err(_)) => Value::Null,
    }),
];
