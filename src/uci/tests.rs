//! The parser against what the real `uci` says of the files in `tests/uci`, and its messages.

use super::*;

/// File, what it holds, what `uci export` prints of it, and what `uci` says against it.
macro_rules! corpus {
    ($($name:literal)*) => {
        [$((
            $name,
            include_bytes!(concat!("../../tests/uci/in/", $name)).as_slice(),
            include_bytes!(concat!("../../tests/uci/out/", $name, ".export")).as_slice(),
            include_str!(concat!("../../tests/uci/out/", $name, ".err")),
        )),*]
    };
}

const CORPUS: [(&str, &[u8], &[u8], &str); 15] = corpus!(
    "basic" "continuation" "crlf" "dups" "empty" "err_nosection" "err_optname" "err_unterminated" "hyphen"
    "multiline" "onlycomment" "package" "quoting" "samesection" "utf8"
);

#[test]
fn the_corpus_reads_as_uci_reads_it() {
    for (name, text, export, refusal) in CORPUS {
        match parse(text) {
            Ok(package) => {
                assert_eq!(refusal, "", "{name}");
                let ours = package.export(name);
                assert_eq!(
                    String::from_utf8_lossy(&ours),
                    String::from_utf8_lossy(export),
                    "{name}"
                );
                assert_eq!(ours, export, "{name}");
            }
            Err(error) => {
                assert_ne!(refusal, "", "{name}: {error}");
                let line = format!("at line {}, byte", error.place.line);
                assert!(refusal.contains(&line), "{name}: {error}, and uci says {refusal}");
            }
        }
    }
}

#[test]
fn what_is_exported_reads_the_same() {
    let bare = |mut package: Package| {
        for section in &mut package.sections {
            section.place = Place::default();
            for option in &mut section.options {
                option.place = Place::default();
                for value in &mut option.values {
                    value.place = Place::default();
                }
            }
        }
        package
    };
    for (name, text, ..) in CORPUS {
        let Ok(package) = parse(text) else { continue };
        let again = parse(&package.export(name)).unwrap();
        assert_eq!(bare(package), bare(again), "{name}");
    }
    // Types whose bytes mean something in the language: `uci` itself exports them so that it cannot read them again.
    for kind in ["it's", r"back\", "#no", "a;b", "\"", "package"] {
        let text = [
            b"config ".as_slice(),
            &quoted(kind.as_bytes()),
            b"\n\toption a 'b'\n",
        ]
        .concat();
        let package = parse(&text).unwrap();
        assert_eq!(package.sections[0].kind, kind);
        let again = parse(&package.export("x")).unwrap();
        assert_eq!(bare(package), bare(again), "{kind}");
    }
}

#[track_caller]
fn refused(text: &str) -> String {
    parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn errors_have_a_place_and_a_way_out() {
    for (text, expected) in [
        (
            "config x\n\toption a 'b\n",
            "2:11: this ' is never closed; end the value with another '",
        ),
        (
            "config x \"",
            "1:10: this \" is never closed; end the value with another \"",
        ),
        (
            "option a b",
            "1:1: this stands before the first section; begin one above it with config TYPE 'NAME'",
        ),
        (
            "config x\noption ä-b 1",
            "2:8: `ä-b` cannot be a name; expected letters, digits and _",
        ),
        ("config é", "1:8: `é` cannot be a type; expected visible ASCII"),
        (
            "config x\noption a b c",
            "2:12: `c` is one word too many; the form is option NAME 'VALUE', and a value with blanks needs quotes",
        ),
        (
            "config x 'é'",
            "1:10: `é` cannot be a name; expected letters, digits and _",
        ),
        (
            "config x\n 'option' a b",
            "2:2: expected config, option or list, found `option`",
        ),
        ("confg x", "1:1: expected config, option or list, found `confg`"),
        (
            "config",
            "1:1: the type is missing; the form is config TYPE 'NAME'",
        ),
        (
            "config x\nlist",
            "2:1: the name is missing; the form is list NAME 'VALUE'",
        ),
        ("package", "1:1: the name is missing; the form is package NAME"),
        (
            "config x\noption a 'ü\0'",
            "2:12: a NUL byte; expected text, so write the file anew",
        ),
        (
            "\u{1b}[31m",
            "1:1: expected config, option or list, found `\\x1b[31m`",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text:?}");
    }
}

#[test]
fn statements_may_share_a_line() {
    let package = parse(b"config x 'y';option a 1;list b 2 # three\n").unwrap();
    let section = package.named("y").unwrap();
    assert_eq!(section.text("a"), Some("1"));
    assert_eq!(section.texts("b").collect::<Vec<_>>(), ["2"]);
    assert_eq!(
        section.option("b").unwrap().values[0].place,
        Place { line: 1, column: 32 }
    );
}

#[test]
fn a_section_that_is_named_again_is_what_it_is_called_last() {
    let package = parse(b"config a x\noption p 1\nconfig b x\noption q 2\n").unwrap();
    assert_eq!(package.sections.len(), 1);
    let section = package.named("x").unwrap();
    assert_eq!(
        (&*section.kind, section.text("p"), section.text("q")),
        ("b", Some("1"), Some("2"))
    );
}

#[test]
fn an_empty_option_leaves_the_earlier_one_and_an_empty_item_is_one() {
    let package = parse(b"config x\noption a 1\noption a ''\nlist b ''\nlist b\n").unwrap();
    let section = &package.sections[0];
    assert_eq!(section.text("a"), Some("1"));
    assert_eq!(section.texts("b").collect::<Vec<_>>(), ["", ""]);
}

#[test]
fn large_files_are_refused_at_a_bound() {
    let many = "config x\n".repeat(MAX_STATEMENTS + 1);
    assert_eq!(
        refused(&many),
        "16385:1: more than 16384 statements; expected fewer"
    );
    let large = " ".repeat(MAX_BYTES + 1);
    assert_eq!(refused(&large), "1:1: the file is larger than 1 MiB");
    // A section with as many options as there may be is read in no time that grows with their square.
    let wide: String = (1..MAX_STATEMENTS).map(|n| format!("option o{n} v\n")).collect();
    let package = parse(format!("config x\n{wide}").as_bytes()).unwrap();
    assert_eq!(package.sections[0].options.len(), MAX_STATEMENTS - 1);
}
