//! Tests of the command line's words.

use super::*;

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

fn request(line: &str) -> Request {
    parse(words(line)).unwrap().command.request()
}

#[test]
fn the_command_line_is_consistent() {
    CommandLine::command().debug_assert();
}

#[test]
fn options_are_found_behind_the_data_and_dashes_in_it() {
    let Request::AddRecord(record) = request("dnsctl add-record matrix A 192.0.2.1 --ttl 1h --comment new")
    else {
        panic!()
    };
    assert_eq!(
        (record.rdata, record.ttl),
        (vec!["192.0.2.1".to_owned()], Some(3600))
    );
    assert_eq!(record.comment.as_deref(), Some("new"));
    let Request::AddRecord(record) =
        request("dnsctl --json add-record x TXT -all --ttl=60 -5 --zone z -- --ttl")
    else {
        panic!()
    };
    assert_eq!(
        (record.rdata, record.ttl),
        (
            vec!["-all".to_owned(), "-5".to_owned(), "--ttl".to_owned()],
            Some(60)
        )
    );
    assert_eq!(record.zone.as_deref(), Some("z"));
    let line = parse(words("dnsctl --zones a --state b remove-record x A -1 --json")).unwrap();
    assert!(line.target.json);
    assert_eq!(line.target.state, Some("b".into()));
}

#[test]
fn a_misspelt_option_is_not_taken_for_data() {
    let error = parse(words("dnsctl add-record x TXT hello --tll 60"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("unexpected argument '--tll'"), "{error}");
    assert!(error.contains("'--ttl'"), "{error}");
}

#[test]
fn conflicts_are_found_on_both_sides_of_the_command() {
    for line in [
        "dnsctl --control a list-zones --zones b",
        "dnsctl list-zones --state b",
    ] {
        let error = parse(words(line)).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
    }
}

#[test]
fn help_fits_a_terminal_of_80_columns() {
    let mut command = CommandLine::command();
    command.build();
    let mut pages = vec![
        command.render_help().to_string(),
        command.render_long_help().to_string(),
    ];
    for sub in command.get_subcommands_mut() {
        pages.push(sub.render_help().to_string());
        pages.push(sub.render_long_help().to_string());
        for nested in sub.get_subcommands_mut() {
            pages.push(nested.render_long_help().to_string());
        }
    }
    for line in pages.iter().flat_map(|page| page.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
