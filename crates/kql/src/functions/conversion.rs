//! Conversion between types and encodings. A failed conversion is null, never an error.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("tostring", &["(value: any): string"], "", "")
        .named(Naming::FirstArgument)
        .nulls(Nulls::Handled),
    Function::new("tohex", &["(value: integer, min_length?: integer): string"], "", "")
        .named(Naming::FirstArgument),
    Function::new("tolong", &["(value: any): long"], "", "").named(Naming::FirstArgument),
    Function::new("toint", &["(value: any): int"], "", "").named(Naming::FirstArgument),
    Function::new("toreal", &["(value: any): real"], "", "")
        .alias(&["todouble"])
        .named(Naming::FirstArgument),
    Function::new("todatetime", &["(value: any): datetime"], "", "").named(Naming::FirstArgument),
    Function::new("totimespan", &["(value: any): timespan"], "", "")
        .alias(&["totime"])
        .named(Naming::FirstArgument),
    Function::new("tobool", &["(value: any): bool"], "", "")
        .alias(&["toboolean"])
        .named(Naming::FirstArgument),
    Function::new("todecimal", &["(value: any): decimal"], "", "").named(Naming::FirstArgument),
    Function::new("toguid", &["(value: any): guid"], "", "").named(Naming::FirstArgument),
    Function::new("gettype", &["(value: any): string"], "", "")
        .named(Naming::Prefix("type"))
        .nulls(Nulls::Handled),
    Function::new("url_encode", &["(url: string): string"], "", ""),
    Function::new("url_encode_component", &["(url: string): string"], "", ""),
    Function::new("url_decode", &["(encoded_url: string): string"], "", ""),
    Function::new("base64_encode_tostring", &["(string: string): string"], "", "")
        .alias(&["base64_encodestring"]),
    Function::new("base64_decode_toarray", &["(base64_string: string): dynamic"], "", ""),
    Function::new("base64_encode_fromarray", &["(base64_string_decoded_as_array: dynamic): string"], "", ""),
    Function::new("base64_decode_tostring", &["(base64_string: string): string"], "", "")
        .alias(&["base64_decodestring"]),
    Function::new("base64_decode_toguid", &["(base64_string: string): guid"], "", ""),
    Function::new("base64_encode_fromguid", &["(guid: guid): string"], "", ""),
    Function::new("zlib_decompress_from_base64_string", &["(string: string): string"], "", ""),
    Function::new("zlib_compress_to_base64_string", &["(string: string): string"], "", ""),
    Function::new("gzip_decompress_from_base64_string", &["(string: string): string"], "", ""),
    Function::new("gzip_compress_to_base64_string", &["(string: string): string"], "", ""),
    Function::new("parse_json", &["(json_text: any): dynamic"], "", "")
        .alias(&["parsejson", "todynamic", "toobject"])
        .named(Naming::FirstArgument)
        .nulls(Nulls::Handled),
    Function::new("dynamic_to_json", &["(dynamic: any): string"], "", ""),
    Function::new("punycode_to_string", &["(string: string): string"], "", ""),
    Function::new("punycode_from_string", &["(string: string): string"], "", ""),
    Function::new("punycode_domain_from_string", &["(string: string): string"], "", ""),
    Function::new("punycode_domain_to_string", &["(string: string): string"], "", ""),
];
