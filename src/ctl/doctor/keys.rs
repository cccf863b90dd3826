//! A homeserver's signing keys: read, and their signature checked (server-server API, "Retrieving server keys").

use data_encoding::BASE64_NOPAD;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Map, Value};

use crate::matrix::doctor::Fault;
use crate::matrix::doctor::place::shown;
use crate::zone::master::civil::write_time;

/// Most keys that are looked at.
const KEYS: usize = 16;

/// What is to be said of good keys of `server` at this Unix time in seconds.
///
/// # Errors
/// What is wrong with them.
pub(super) fn check(body: &[u8], server: &str, now: u64) -> Result<String, (Fault, String)> {
    let read = serde_json::from_slice::<Map<String, Value>>(body);
    let Ok(all) = read else {
        return Err((Fault::KeysBody, "are no JSON".to_owned()));
    };
    let name = all.get("server_name").and_then(Value::as_str).unwrap_or_default();
    if name != server {
        let said = if name.is_empty() {
            "have no server_name".to_owned()
        } else {
            format!("are those of {}", shown(name))
        };
        return Err((Fault::KeysName, said));
    }
    let keys = all.get("verify_keys").and_then(Value::as_object);
    let keys: Vec<(&String, &str)> = keys
        .into_iter()
        .flatten()
        .filter(|(id, _)| id.starts_with("ed25519:"))
        .filter_map(|(id, key)| Some((id, key.get("key")?.as_str()?)))
        .take(KEYS)
        .collect();
    if keys.is_empty() {
        return Err((Fault::KeysNone, "hold no ed25519 key".to_owned()));
    }
    let signatures = all
        .get("signatures")
        .and_then(|signatures| signatures.get(server));
    let bytes = canonical(&all);
    for (id, key) in &keys {
        let bad = |said: &str| Err((Fault::KeysSignature, format!("{said} {}", shown(id))));
        let Some(signature) = signatures.and_then(|all| all.get(id.as_str())?.as_str()) else {
            return bad("lack the signature of");
        };
        let (Some(key), Some(signature)) = (base64(key), base64(signature)) else {
            return bad("hold no base64 for");
        };
        if UnparsedPublicKey::new(&ED25519, key)
            .verify(&bytes, &signature)
            .is_err()
        {
            return bad("have a wrong signature of");
        }
    }
    let until = all.get("valid_until_ts").and_then(Value::as_u64).unwrap_or(0) / 1000;
    if until <= now {
        let when = write_time(until);
        return Err((Fault::KeysExpired, format!("were valid until {when} only")));
    }
    let ids: Vec<String> = keys.iter().map(|(id, _)| shown(id)).collect();
    Ok(format!("{}, signed, until {}", ids.join(", "), write_time(until)))
}

/// What a signature covers (appendices, "Canonical JSON" and "Signing JSON"): without signatures and unsigned data, keys
/// sorted, no white space. Objects of `serde_json` are sorted, and it escapes what must be and nothing else.
fn canonical(all: &Map<String, Value>) -> Vec<u8> {
    let mut signed = all.clone();
    signed.remove("signatures");
    signed.remove("unsigned");
    serde_json::to_vec(&signed).unwrap_or_default()
}

/// Base64 without padding (appendices, "Unpadded base64"). Padding is let pass, and so are bits that belong to no byte, as
/// homeservers do; the specification's own sample key has such.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut lenient = BASE64_NOPAD.specification();
    lenient.check_trailing_bits = false;
    let encoding = lenient.encoding().ok()?;
    encoding.decode(text.trim_end_matches('=').as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    /// The key of the specification's test vectors (appendices, "Cryptographic test vectors").
    const SEED: &str = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1";

    fn pair() -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&base64(SEED).unwrap()).unwrap()
    }

    fn body(server: &str, until: u64, extra: &str) -> Value {
        let pair = pair();
        let key = BASE64_NOPAD.encode(pair.public_key().as_ref());
        let text = format!(
            r#"{{"server_name":"{server}","valid_until_ts":{until},"verify_keys":{{"ed25519:1":{{"key":"{key}"}}}},"old_verify_keys":{{}}{extra}}}"#
        );
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let bytes = canonical(value.as_object().unwrap());
        let signature = BASE64_NOPAD.encode(pair.sign(&bytes).as_ref());
        value["signatures"] = serde_json::json!({ server: { "ed25519:1": signature } });
        value
    }

    #[track_caller]
    fn assert_fault(value: &Value, fault: Fault) {
        let said = check(value.to_string().as_bytes(), "a.example", 1000);
        assert_eq!(said.map_err(|(fault, _)| fault), Err(fault), "{value}");
    }

    #[test]
    fn appendices_the_test_vectors_of_the_specification_are_reproduced() {
        let empty = Map::new();
        assert_eq!(
            BASE64_NOPAD.encode(pair().sign(&canonical(&empty)).as_ref()),
            "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"
        );
        let other: Map<String, Value> = serde_json::from_str(r#"{"two":"Two","one":1}"#).unwrap();
        assert_eq!(
            BASE64_NOPAD.encode(pair().sign(&canonical(&other)).as_ref()),
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"
        );
    }

    #[test]
    fn good_keys_are_taken_and_each_defect_has_its_word() {
        let good = body("a.example", 2_000_000, r##","é":"\u001f\"/\u20ac""##);
        assert_eq!(
            check(good.to_string().as_bytes(), "a.example", 1000),
            Ok("ed25519:1, signed, until 1970-01-01T00:33:20Z".to_owned())
        );
        assert_fault(&body("b.example", 2_000_000, ""), Fault::KeysName);
        assert_fault(&body("a.example", 1_000_000, ""), Fault::KeysExpired);
        let mut changed = good.clone();
        changed["valid_until_ts"] = 3_000_000.into();
        assert_fault(&changed, Fault::KeysSignature);
        let mut changed = good.clone();
        changed["signatures"] = serde_json::json!({});
        assert_fault(&changed, Fault::KeysSignature);
        let mut changed = good.clone();
        changed["verify_keys"] = serde_json::json!({});
        assert_fault(&changed, Fault::KeysNone);
        assert_fault(&serde_json::json!([1]), Fault::KeysBody);
        // What stands under `unsigned` is not covered.
        let mut changed = good;
        changed["unsigned"] = 1.into();
        assert!(check(changed.to_string().as_bytes(), "a.example", 1000).is_ok());
    }
}
