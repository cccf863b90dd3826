//! What an ACME request is wrapped in: a JSON Web Signature of the account's key (RFC 8555, 6.2; RFC 7515, 7.2.2).

use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::super::issue::{Key, Unusable};

/// A coordinate of a point of P-256 in bytes.
const COORDINATE: usize = 32;

/// The key of an account.
pub(super) struct AccountKey {
    pair: EcdsaKeyPair,
    /// Its public half as a JSON Web Key (RFC 7518, 6.2.1).
    public: Value,
    /// The hash that key authorizations hold (RFC 7638).
    thumbprint: String,
}

impl AccountKey {
    pub(super) fn new(key: &Key) -> Result<Self, Unusable> {
        let pair = EcdsaKeyPair::from_pkcs8(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            key.pkcs8(),
            &SystemRandom::new(),
        );
        let pair = pair.map_err(|_| Unusable::KEY)?;
        // An uncompressed point: a mark, then both coordinates (SEC 1, 2.3.3).
        let point = pair.public_key().as_ref();
        let coordinates = point.get(1..).and_then(|rest| rest.split_at_checked(COORDINATE));
        let (x, y) = coordinates.ok_or(Unusable::KEY)?;
        let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
        // The members in this order and no blanks (RFC 7638, 3.2).
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Ok(AccountKey {
            pair,
            thumbprint: BASE64URL_NOPAD.encode(digest(&SHA256, canonical.as_bytes()).as_ref()),
            public: json!({"crv": "P-256", "kty": "EC", "x": x, "y": y}),
        })
    }

    /// A signed request for this URL. `account`: the account's own URL, once it has one; `payload`: none for a request
    /// that only reads (POST-as-GET, RFC 8555, 6.3).
    pub(super) fn sign(
        &self,
        account: Option<&str>,
        nonce: &str,
        url: &str,
        payload: Option<&Value>,
    ) -> Result<String, Unusable> {
        let mut header = json!({"alg": "ES256", "nonce": nonce, "url": url});
        match account {
            Some(account) => header["kid"] = account.into(),
            None => header["jwk"] = self.public.clone(),
        }
        let header = BASE64URL_NOPAD.encode(header.to_string().as_bytes());
        let payload = payload.map(|payload| BASE64URL_NOPAD.encode(payload.to_string().as_bytes()));
        let payload = payload.unwrap_or_default();
        let signed = self
            .pair
            .sign(&SystemRandom::new(), format!("{header}.{payload}").as_bytes());
        let signature = signed.map_err(|_| Unusable::RANDOMNESS)?;
        let signature = BASE64URL_NOPAD.encode(signature.as_ref());
        Ok(json!({"protected": header, "payload": payload, "signature": signature}).to_string())
    }

    /// What binds the account of this key to one that was made on the authority's site, for a request to `url`
    /// (RFC 8555, 7.3.4): this key, authenticated with the `secret` that the site calls `id`.
    pub(super) fn bind(&self, id: &str, secret: &[u8], url: &str) -> Value {
        let header = json!({"alg": "HS256", "kid": id, "url": url});
        let [header, payload] =
            [&header, &self.public].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
        let tag = hmac::sign(
            &hmac::Key::new(hmac::HMAC_SHA256, secret),
            format!("{header}.{payload}").as_bytes(),
        );
        json!({"protected": header, "payload": payload, "signature": BASE64URL_NOPAD.encode(tag.as_ref())})
    }

    /// The key authorization of a challenge (RFC 8555, 8.1), hashed: what is proved with is made of it.
    pub(super) fn authorization(&self, token: &str) -> Vec<u8> {
        let text = format!("{token}.{}", self.thumbprint);
        digest(&SHA256, text.as_bytes()).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    fn part(request: &Value, name: &str) -> Vec<u8> {
        BASE64URL_NOPAD
            .decode(request[name].as_str().unwrap().as_bytes())
            .unwrap()
    }

    #[test]
    fn rfc8555_s7_3_4_a_binding_holds_our_key_and_proves_the_secret() {
        let key = AccountKey::new(&Key::generate().unwrap()).unwrap();
        let bound = key.bind("kid-1", b"secret", "https://a.example/account");
        let header: Value = serde_json::from_slice(&part(&bound, "protected")).unwrap();
        assert_eq!(
            header,
            json!({"alg": "HS256", "kid": "kid-1", "url": "https://a.example/account"})
        );
        let payload: Value = serde_json::from_slice(&part(&bound, "payload")).unwrap();
        assert_eq!(payload, key.public);
        let signed = format!(
            "{}.{}",
            bound["protected"].as_str().unwrap(),
            bound["payload"].as_str().unwrap()
        );
        for (secret, is_good) in [(&b"secret"[..], true), (b"Secret", false)] {
            let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let verified = hmac::verify(&secret, signed.as_bytes(), &part(&bound, "signature"));
            assert_eq!(verified.is_ok(), is_good);
        }
    }

    #[test]
    fn rfc8555_s6_2_a_request_is_signed_whole() {
        let key = AccountKey::new(&Key::generate().unwrap()).unwrap();
        for (account, payload) in [(None, Some(json!({"a": 1}))), (Some("https://a.example/1"), None)] {
            let text = key
                .sign(account, "n0nce", "https://a.example/order", payload.as_ref())
                .unwrap();
            let request: Value = serde_json::from_str(&text).unwrap();
            let header: Value = serde_json::from_slice(&part(&request, "protected")).unwrap();
            let mut expected = json!({"alg": "ES256", "nonce": "n0nce", "url": "https://a.example/order"});
            match account {
                Some(account) => expected["kid"] = account.into(),
                None => expected["jwk"] = key.public.clone(),
            }
            assert_eq!(header, expected);
            let sent = part(&request, "payload");
            assert_eq!(
                sent,
                payload
                    .map(|payload| payload.to_string())
                    .unwrap_or_default()
                    .into_bytes()
            );
            let signed = format!(
                "{}.{}",
                request["protected"].as_str().unwrap(),
                request["payload"].as_str().unwrap()
            );
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.pair.public_key().as_ref());
            public
                .verify(signed.as_bytes(), &part(&request, "signature"))
                .unwrap();
            assert!(public.verify(b"another", &part(&request, "signature")).is_err());
        }
    }

    #[test]
    fn rfc8555_s8_1_a_key_authorization_holds_the_token_and_the_key() {
        let one = AccountKey::new(&Key::generate().unwrap()).unwrap();
        let other = AccountKey::new(&Key::generate().unwrap()).unwrap();
        assert_eq!(one.authorization("t"), one.authorization("t"));
        assert_ne!(one.authorization("t"), one.authorization("u"));
        assert_ne!(one.authorization("t"), other.authorization("t"));
        assert_eq!(one.authorization("t").len(), 32);
    }
}
