//! Content is embedded by directory; Cargo does not notice a new file in one unless it is told to look.

fn main() {
    println!("cargo::rerun-if-changed=../../content");
}
