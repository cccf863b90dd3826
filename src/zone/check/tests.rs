//! Tests of the checks: a text, and every defect that it has.

use super::*;
use crate::zone::master::parse;

/// The defects of a zone `hearth.example`, as `LINE:COLUMN: MESSAGE`.
fn defects(text: &str) -> Vec<String> {
    let origin: Name = "hearth.example".parse().unwrap();
    let file = parse("h.zone", text.as_bytes(), &origin, &mut |_| {
        Err("nothing".to_owned())
    });
    assert_eq!(file.defects, [], "{text}");
    let found = check(&origin, &file.options, &file.entries);
    let shown = found
        .iter()
        .map(|defect| format!("{}:{}: {}", defect.line, defect.column, defect.message));
    shown.collect()
}

#[track_caller]
fn assert_begins(text: &str, begins: &[&str]) {
    let found = defects(text);
    assert_eq!(found.len(), begins.len(), "{found:#?}");
    for (found, begins) in found.iter().zip(begins) {
        assert!(found.starts_with(begins), "{found}\nis not\n{begins}");
    }
}

#[test]
fn a_sound_zone_has_no_defects() {
    assert_begins(
        "@ NS ns\nns A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\nsub DS 1 8 1 0123456789012345678901234567890123456789\n_m._tcp SRV 1 1 1 ns\n\
         @ MX 10 mail.example.org.\nold DNAME new\nold TXT x\nw CNAME ns\n*.x CNAME w\n",
        &[],
    );
}

#[test]
fn rfc1034_s3_6_2_a_cname_stands_alone() {
    assert_begins(
        "a CNAME b\na TXT x\n@ CNAME b\n",
        &[
            "1:1: a CNAME stands alone at its name (RFC 1034, 3.6.2), but `a TXT \"x\"` stands at line 2",
            "3:1: the zone's own name cannot be a CNAME",
        ],
    );
    assert_begins("a CNAME b\na CNAME c\n", &["2:1: a name has one CNAME at most"]);
}

#[test]
fn rfc2181_s10_3_targets_are_hosts_with_addresses() {
    assert_begins(
        "w CNAME h\nh A 192.0.2.1\n@ MX 10 w\n_m._tcp SRV 1 1 1 nowhere\n@ MX 20 mail.example.org\n",
        &[
            "3:9: the mail server w.hearth.example. is a CNAME at line 1 and must not be one (RFC 2181, 10.3): write `h`",
            "4:19: the target nowhere.hearth.example. has no address in this zone: add one, `nowhere A ADDRESS`",
            "5:9: the mail server mail.example.org.hearth.example. has no address in this zone: add one, \
             `mail.example.org A ADDRESS`, or correct the name; a whole name ends with a dot",
        ],
    );
}

#[test]
fn resolving_server_names_s4_an_srv_record_leads_to_no_alias() {
    assert_begins(
        "w CNAME h\nh A 192.0.2.1\n_matrix-fed._tcp SRV 10 5 8448 w\n",
        &[
            "3:32: the target w.hearth.example. is a CNAME at line 1 and must not be one (RFC 2782, Matrix server-server API, \
             resolving server names, step 4): write `h` here, or make it A and AAAA records",
        ],
    );
}

#[test]
fn rfc1034_s4_2_1_what_stands_behind_a_cut_is_glue() {
    assert_begins(
        "sub NS ns.sub\nx.sub TXT x\n",
        &[
            "1:8: the nameserver ns.sub.hearth.example. is below the zone that it serves and has no address here",
            "2:1: `x.sub TXT \"x\"` is below the zone cut sub.hearth.example. (NS at line 1)",
        ],
    );
}

#[test]
fn rfc6672_s2_4_nothing_stands_below_a_dname() {
    assert_begins(
        "old DNAME new\nx.old A 192.0.2.1\nin DNAME x.in\n",
        &[
            "2:1: `x.old A 192.0.2.1` is below the DNAME at line 1",
            "3:10: the DNAME leads from in.hearth.example. to x.in.hearth.example., which is below it",
        ],
    );
}

#[test]
fn aliases_that_go_round_and_equal_records_are_defects() {
    assert_eq!(defects("a CNAME b\nb CNAME a\n").len(), 1);
    assert_begins(
        "a A 192.0.2.1\nA 60 A 192.0.2.1\n",
        &["2:1: `A A 192.0.2.1` stands at line 1 already"],
    );
}

#[test]
fn records_that_the_file_itself_passes_on_are_defects() {
    assert_begins(
        "; hearthdns: forward=_acme-challenge\n_acme-challenge TXT x\na._acme-challenge TXT y\nb TXT z\n",
        &[
            "2:1: `_acme-challenge TXT \"x\"` is never served, for `forward=_acme-challenge` passes the name on",
            "3:1: `a._acme-challenge TXT \"y\"` is never served",
        ],
    );
}
