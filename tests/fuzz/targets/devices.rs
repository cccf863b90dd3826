//! What devices show and what is kept of them: the registry's file reads as it was written or is refused; a claim in a
//! path or a name of SNI is a token that reads as itself, or none; a code that is typed is the code that it prints.
#![no_main]

use hearthdns::device::{Claim, Code, Registry, Token};
use libfuzzer_sys::fuzz_target;

const HOST: &str = "dns.home.example";

/// A token is its text, and is found in both places.
fn is_itself(token: Token) {
    let text = token.to_string();
    assert_eq!(Token::parse(&text), Some(token));
    assert_eq!(Claim::of_path(&format!("/d/{text}")), Some(Claim::Token(token)));
    assert_eq!(
        Claim::of_sni(&format!("{text}.{HOST}"), HOST),
        Claim::Token(token)
    );
}

fuzz_target!(|text: &str| {
    if let Some(Claim::Token(token)) = Claim::of_path(text) {
        is_itself(token);
    }
    if let Claim::Token(token) = Claim::of_sni(text, HOST) {
        is_itself(token);
    }
    if let Some(code) = Code::parse(text) {
        assert_eq!(Code::parse(&code.to_string()), Some(code));
    }
    if let Ok(mut registry) = Registry::parse(text) {
        let written = registry.to_text();
        assert_eq!(written.lines().count(), text.lines().count());
        let again = Registry::parse(&written).expect("what was just written");
        assert_eq!(again, registry);
        let tokens = registry.tokens();
        let names: Vec<String> = registry
            .devices()
            .map(|(_, device)| device.name.clone())
            .collect();
        for (id, device) in registry.devices() {
            let found = tokens.find(device.token);
            assert_eq!(found, device.revoked.is_none().then_some(id));
        }
        for name in names {
            let _ = registry.revoke(&name, 1);
        }
        assert!(registry.devices().all(|(_, device)| device.revoked.is_some()));
        assert_eq!(Registry::parse(&registry.to_text()), Ok(registry));
    }
});
