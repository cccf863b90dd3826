//! nginx as a peer: the configuration around what is written for inside of `http { }`.

use std::fmt::Write as _;

use super::House;

/// The whole configuration, with its files in this house.
pub(crate) fn whole(house: &House, pages: &str) -> String {
    let root = house.root().display();
    let mut paths = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        writeln!(paths, "  {kind}_temp_path {root}/nginx-{kind};").unwrap();
    }
    format!(
        "daemon off;\nuser root root;\npid {root}/nginx.pid;\nerror_log stderr notice;\nworker_processes 1;\n\
         events {{}}\nhttp {{\n  access_log off;\n{paths}{pages}}}\n"
    )
}

/// Whether this line of its log says that it takes connections.
pub(crate) fn is_up(line: &str) -> bool {
    line.contains("start worker processes")
}
