//! Conversion between types and encodings. A failed conversion is null, never an error.

use super::{Function, Naming, Nulls};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "tostring",
        &["(value: any): string"],
        "the text of a value; null is empty",
        "print tostring(12)",
    )
    .named(Naming::FirstArgument)
    .nulls(Nulls::Handled),
    Function::new(
        "tohex",
        &["(value: integer, min_length?: integer): string"],
        "an integer in hexadecimal digits",
        "print tohex(256)",
    )
    .named(Naming::FirstArgument),
    Function::new("tolong", &["(value: any): long"], "converts to a 64-bit integer", r#"print tolong("12")"#)
        .named(Naming::FirstArgument),
    Function::new("toint", &["(value: any): int"], "converts to a 32-bit integer", r#"print toint("12")"#)
        .named(Naming::FirstArgument),
    Function::new(
        "toreal",
        &["(value: any): real"],
        "converts to a floating-point number",
        r#"print toreal("1.5")"#,
    )
    .alias(&["todouble"])
    .named(Naming::FirstArgument),
    Function::new(
        "todatetime",
        &["(value: any): datetime"],
        "converts to a moment",
        r#"print todatetime("2024-05-01 10:00")"#,
    )
    .named(Naming::FirstArgument),
    Function::new(
        "totimespan",
        &["(value: any): timespan"],
        "converts to a length of time",
        r#"print totimespan("01:30:00")"#,
    )
    .alias(&["totime"])
    .named(Naming::FirstArgument),
    Function::new("tobool", &["(value: any): bool"], "converts to a truth value", r#"print tobool("true")"#)
        .alias(&["toboolean"])
        .named(Naming::FirstArgument),
    Function::new(
        "todecimal",
        &["(value: any): decimal"],
        "converts to a decimal number",
        r#"print todecimal("1.50")"#,
    )
    .named(Naming::FirstArgument),
    Function::new(
        "toguid",
        &["(value: any): guid"],
        "converts to a guid",
        r#"print toguid("70fc66f7-8279-44fc-9092-d364d70fce44")"#,
    )
    .named(Naming::FirstArgument),
    Function::new(
        "gettype",
        &["(value: any): string"],
        "the name of a value's type; of a dynamic one, what it holds",
        "print gettype(dynamic([1]))",
    )
    .named(Naming::Prefix("type"))
    .nulls(Nulls::Handled),
    Function::new(
        "url_encode",
        &["(url: string): string"],
        "encodes a text for use in an address, blanks as plus signs",
        r#"print url_encode("a b&c")"#,
    ),
    Function::new(
        "url_encode_component",
        &["(url: string): string"],
        "encodes a text for use as part of an address",
        r#"print url_encode_component("a b/c")"#,
    ),
    Function::new(
        "url_decode",
        &["(encoded_url: string): string"],
        "the text of an encoded address",
        r#"print url_decode("a%20b")"#,
    ),
    Function::new(
        "base64_encode_tostring",
        &["(string: string): string"],
        "encodes a text in base64",
        r#"print base64_encode_tostring("Kusto")"#,
    )
    .alias(&["base64_encodestring"]),
    Function::new(
        "base64_decode_toarray",
        &["(base64_string: string): dynamic"],
        "the bytes of a base64 encoding as an array",
        r#"print base64_decode_toarray("S3VzdG8=")"#,
    ),
    Function::new(
        "base64_encode_fromarray",
        &["(base64_string_decoded_as_array: dynamic): string"],
        "encodes an array of bytes in base64",
        "print base64_encode_fromarray(dynamic([75, 117]))",
    ),
    Function::new(
        "base64_decode_tostring",
        &["(base64_string: string): string"],
        "the text of a base64 encoding, null if it is not UTF-8",
        r#"print base64_decode_tostring("S3VzdG8=")"#,
    )
    .alias(&["base64_decodestring"]),
    Function::new(
        "base64_decode_toguid",
        &["(base64_string: string): guid"],
        "the guid of a base64 encoding",
        r#"print base64_decode_toguid("92b8cHmC/ESQktNk1w/ORA==")"#,
    ),
    Function::new(
        "base64_encode_fromguid",
        &["(guid: guid): string"],
        "encodes a guid in base64",
        r#"print base64_encode_fromguid(toguid("70fc66f7-8279-44fc-9092-d364d70fce44"))"#,
    ),
    Function::new(
        "zlib_decompress_from_base64_string",
        &["(string: string): string"],
        "decodes base64 and inflates zlib data",
        r#"print zlib_decompress_from_base64_string("eJxLTEoGAAJNASc=")"#,
    ),
    Function::new(
        "zlib_compress_to_base64_string",
        &["(string: string): string"],
        "deflates a text with zlib and encodes it in base64",
        r#"print zlib_compress_to_base64_string("abc")"#,
    ),
    Function::new(
        "gzip_decompress_from_base64_string",
        &["(string: string): string"],
        "decodes base64 and inflates gzip data",
        r#"print gzip_decompress_from_base64_string("H4sIAAAAAAAA/0tMSgYAwkEkNQMAAAA=")"#,
    ),
    Function::new(
        "gzip_compress_to_base64_string",
        &["(string: string): string"],
        "deflates a text with gzip and encodes it in base64",
        r#"print gzip_compress_to_base64_string("abc")"#,
    ),
    Function::new(
        "parse_json",
        &["(json_text: any): dynamic"],
        "reads JSON; a text that is not JSON stays a text",
        r#"print parse_json('{"a": 1}').a"#,
    )
    .alias(&["parsejson", "todynamic", "toobject"])
    .named(Naming::FirstArgument)
    .nulls(Nulls::Handled),
    Function::new(
        "dynamic_to_json",
        &["(dynamic: any): string"],
        "JSON with sorted keys",
        r#"print dynamic_to_json(dynamic({"b": 1, "a": 2}))"#,
    ),
    Function::new(
        "punycode_to_string",
        &["(string: string): string"],
        "decodes punycode",
        r#"print punycode_to_string("mnchen-3ya")"#,
    ),
    Function::new(
        "punycode_from_string",
        &["(string: string): string"],
        "encodes in punycode",
        r#"print punycode_from_string("münchen")"#,
    ),
    Function::new(
        "punycode_domain_from_string",
        &["(string: string): string"],
        "encodes a domain name in punycode",
        r#"print punycode_domain_from_string("münchen.example")"#,
    ),
    Function::new(
        "punycode_domain_to_string",
        &["(string: string): string"],
        "decodes the punycode of a domain name",
        r#"print punycode_domain_to_string("xn--mnchen-3ya.example")"#,
    ),
];
