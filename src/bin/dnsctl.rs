//! Comes with the layers below it.
fn main() {}
