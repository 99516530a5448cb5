//! Internet addresses.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "parse_ipv4",
        &["(ip: string): long"],
        "an IPv4 address as a number, null when malformed",
        r#"print parse_ipv4("192.168.0.1")"#,
    ),
    Function::new(
        "parse_ipv4_mask",
        &["(ip: string, prefix: long): long"],
        "the network of an IPv4 address as a number",
        r#"print parse_ipv4_mask("192.168.1.1", 24)"#,
    ),
    Function::new(
        "parse_ipv6",
        &["(ip: string): string"],
        "an IPv6 or IPv4 address in full IPv6 form",
        r#"print parse_ipv6("127.0.0.1")"#,
    ),
    Function::new(
        "parse_ipv6_mask",
        &["(ip: string, prefix: long): string"],
        "the network of an IPv6 address in full form",
        r#"print parse_ipv6_mask("fe80::1", 64)"#,
    ),
    Function::new(
        "ipv4_compare",
        &["(ip1: string, ip2: string, prefix?: long): long"],
        "0 when two IPv4 addresses agree within their masks, else -1 or 1",
        r#"print ipv4_compare("192.168.1.1", "192.168.1.255", 24)"#,
    ),
    Function::new(
        "ipv4_is_match",
        &["(ip1: string, ip2: string, prefix?: long): bool"],
        "whether two IPv4 addresses agree within their masks",
        r#"print ipv4_is_match("192.168.1.1", "192.168.1.0/24")"#,
    ),
    Function::new(
        "ipv6_compare",
        &["(ip1: string, ip2: string, prefix?: long): long"],
        "compares two IPv6 or IPv4 addresses within their masks",
        r#"print ipv6_compare("::1", "::1")"#,
    ),
    Function::new(
        "ipv4_is_private",
        &["(ip: string): bool"],
        "whether an IPv4 address is of a private network",
        r#"print ipv4_is_private("10.1.2.3")"#,
    ),
    Function::new(
        "ipv6_is_match",
        &["(ip1: string, ip2: string, prefix?: long): bool"],
        "whether two IPv6 or IPv4 addresses agree within their masks",
        r#"print ipv6_is_match("::1", "::1")"#,
    ),
    Function::new(
        "ipv6_is_in_range",
        &["(ip: string, ip_range: string): bool"],
        "whether an IPv6 address lies in a network",
        r#"print ipv6_is_in_range("fe80::1", "fe80::/10")"#,
    ),
    Function::new(
        "ipv6_is_in_any_range",
        &["(ip: any, ranges...: string): bool", "(ip: any, ranges: dynamic): bool"],
        "whether an IPv6 address lies in one of some networks",
        r#"print ipv6_is_in_any_range("fe80::1", dynamic(["fe80::/10"]))"#,
    ),
    Function::new(
        "ipv4_is_in_range",
        &["(ip: string, ip_range: string): bool"],
        "whether an IPv4 address lies in a network",
        r#"print ipv4_is_in_range("10.1.2.3", "10.0.0.0/8")"#,
    ),
    Function::new(
        "ipv4_is_in_any_range",
        &["(ip: any, ranges...: string): bool", "(ip: any, ranges: dynamic): bool"],
        "whether an IPv4 address lies in one of some networks",
        r#"print ipv4_is_in_any_range("10.1.2.3", dynamic(["10.0.0.0/8"]))"#,
    ),
    Function::new(
        "ipv4_netmask_suffix",
        &["(ip: string): long"],
        "the length of an IPv4 network mask",
        r#"print ipv4_netmask_suffix("10.0.0.0/8")"#,
    ),
    Function::new(
        "format_ipv4",
        &["(ip: any, prefix?: long): string"],
        "an IPv4 address from text or number, masked",
        r#"print format_ipv4("192.168.1.255", 24)"#,
    ),
    Function::new(
        "format_ipv4_mask",
        &["(ip: any, prefix: long): string"],
        "an IPv4 network in CIDR form",
        r#"print format_ipv4_mask("192.168.1.255", 24)"#,
    ),
    Function::new(
        "has_ipv4",
        &["(source: any, ip: string): bool"],
        "whether a text holds an IPv4 address as a whole word",
        r#"print has_ipv4("from 10.0.0.1:80", "10.0.0.1")"#,
    ),
    Function::new(
        "has_ipv4_prefix",
        &["(source: any, ip_prefix: string): bool"],
        "whether a text holds an IPv4 address that starts so",
        r#"print has_ipv4_prefix("from 10.0.0.1", "10.0.")"#,
    ),
    Function::new(
        "has_any_ipv4",
        &["(source: any, ips...: string): bool", "(source: any, ips: dynamic): bool"],
        "whether a text holds one of some IPv4 addresses",
        r#"print has_any_ipv4("from 10.0.0.1", dynamic(["10.0.0.1"]))"#,
    ),
    Function::new(
        "has_any_ipv4_prefix",
        &["(source: any, ip_prefixes...: string): bool", "(source: any, ip_prefixes: dynamic): bool"],
        "whether a text holds an IPv4 address with one of some prefixes",
        r#"print has_any_ipv4_prefix("from 10.0.0.1", dynamic(["10.0."]))"#,
    ),
    Function::new(
        "ipv4_range_to_cidr_list",
        &["(start_ip: string, end_ip: string): dynamic"],
        "the networks that cover a range of IPv4 addresses",
        r#"print ipv4_range_to_cidr_list("10.0.0.0", "10.0.0.3")"#,
    ),
];
