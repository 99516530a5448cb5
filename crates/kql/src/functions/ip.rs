//! Internet addresses.

use super::Function;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("parse_ipv4", &["(ip: string): long"], "", ""),
    Function::new("parse_ipv4_mask", &["(ip: string, prefix: long): long"], "", ""),
    Function::new("parse_ipv6", &["(ip: string): string"], "", ""),
    Function::new("parse_ipv6_mask", &["(ip: string, prefix: long): string"], "", ""),
    Function::new("ipv4_compare", &["(ip1: string, ip2: string, prefix?: long): long"], "", ""),
    Function::new("ipv4_is_match", &["(ip1: string, ip2: string, prefix?: long): bool"], "", ""),
    Function::new("ipv6_compare", &["(ip1: string, ip2: string, prefix?: long): long"], "", ""),
    Function::new("ipv4_is_private", &["(ip: string): bool"], "", ""),
    Function::new("ipv6_is_match", &["(ip1: string, ip2: string, prefix?: long): bool"], "", ""),
    Function::new("ipv6_is_in_range", &["(ip: string, ip_range: string): bool"], "", ""),
    Function::new(
        "ipv6_is_in_any_range",
        &["(ip: any, ranges...: string): bool", "(ip: any, ranges: dynamic): bool"],
        "",
        "",
    ),
    Function::new("ipv4_is_in_range", &["(ip: string, ip_range: string): bool"], "", ""),
    Function::new(
        "ipv4_is_in_any_range",
        &["(ip: any, ranges...: string): bool", "(ip: any, ranges: dynamic): bool"],
        "",
        "",
    ),
    Function::new("ipv4_netmask_suffix", &["(ip: string): long"], "", ""),
    Function::new("format_ipv4", &["(ip: any, prefix?: long): string"], "", ""),
    Function::new("format_ipv4_mask", &["(ip: any, prefix: long): string"], "", ""),
    Function::new("has_ipv4", &["(source: any, ip: string): bool"], "", ""),
    Function::new("has_ipv4_prefix", &["(source: any, ip_prefix: string): bool"], "", ""),
    Function::new(
        "has_any_ipv4",
        &["(source: any, ips...: string): bool", "(source: any, ips: dynamic): bool"],
        "",
        "",
    ),
    Function::new(
        "has_any_ipv4_prefix",
        &["(source: any, ip_prefixes...: string): bool", "(source: any, ip_prefixes: dynamic): bool"],
        "",
        "",
    ),
    Function::new("ipv4_range_to_cidr_list", &["(start_ip: string, end_ip: string): dynamic"], "", ""),
];
