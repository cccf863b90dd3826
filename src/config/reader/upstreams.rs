//! The entries of `upstreams:`: a URL as a text, or a mapping with a URL and what it cannot say.

use std::net::SocketAddr;

use super::super::document::{Kind, Node};
use super::super::limits;
use super::super::upstream::{self, Host, TlsName, UpstreamSpec};
use super::super::values::Reader;

/// Keys of one upstream that is a mapping.
pub(in crate::config) const UPSTREAM: &[&str] = &[
    "addresses",
    "bootstrap",
    "ca_file",
    "pin_sha256",
    "server_name",
    "url",
];

impl Reader {
    /// A list of upstreams: those that are right, each with its value's number, none twice.
    pub(in crate::config) fn upstream_list(&mut self, node: &Node) -> Vec<(UpstreamSpec, u32)> {
        let Kind::List(nodes) = &node.kind else {
            // What is no list is told in the words that every list has.
            self.items(
                node,
                "a list of upstreams",
                "an upstream",
                limits::UPSTREAMS,
                str::parse::<UpstreamSpec>,
            );
            return Vec::new();
        };
        if nodes.is_empty() {
            let message = "expected at least an upstream; remove the key to have its default";
            self.defect(node.id, message);
        }
        if nodes.len() as u64 > limits::UPSTREAMS.max {
            let message = format!(
                "expected at most {} items, found {}",
                limits::UPSTREAMS.max,
                nodes.len()
            );
            self.defect(node.id, message);
            return Vec::new();
        }
        let mut out: Vec<(UpstreamSpec, u32)> = Vec::new();
        for item in nodes {
            let Some(spec) = self.upstream_item(item) else {
                continue;
            };
            match out.iter().find(|(earlier, _)| *earlier == spec) {
                Some((_, first)) => self.repeated(item.id, format!("{spec} is given twice"), *first),
                None => out.push((spec, item.id)),
            }
        }
        out
    }

    /// A list of servers to ask for addresses.
    pub(in crate::config) fn bootstrap(&mut self, node: &Node) -> Vec<SocketAddr> {
        let limit = limits::UPSTREAM_ITEMS;
        let items = self.items(
            node,
            "a list of addresses",
            "an address",
            limit,
            upstream::bootstrap,
        );
        items.into_iter().map(|(addr, _)| addr).collect()
    }

    fn upstream_item(&mut self, node: &Node) -> Option<UpstreamSpec> {
        match &node.kind {
            Kind::Text(text) => self.upstream_text(node, text),
            Kind::Map(_) => self.upstream_mapping(node),
            Kind::List(_) => {
                self.mistyped(node, "an upstream; an address that begins with `[` needs quotes");
                None
            }
            _ => {
                self.mistyped(node, "an upstream");
                None
            }
        }
    }

    fn upstream_text(&mut self, node: &Node, text: &str) -> Option<UpstreamSpec> {
        match text.parse() {
            Ok(spec) => Some(spec),
            Err(error) => {
                self.defect(node.id, error.to_string());
                None
            }
        }
    }

    fn upstream_mapping(&mut self, node: &Node) -> Option<UpstreamSpec> {
        let keys = self.section(node, "upstreams", UPSTREAM);
        // The other keys are read against what the URL is.
        let Some((_, url)) = keys.iter().find(|(key, _)| *key == "url") else {
            self.defect(
                node.id,
                "this upstream has no `url`; write `url: tls://dns.example` into the mapping",
            );
            return None;
        };
        let Kind::Text(text) = &url.kind else {
            self.mistyped(url, "a URL such as tls://dns.example");
            return None;
        };
        let mut spec = self.upstream_text(url, text)?;
        for (key, node) in keys {
            if !self.has_meaning(key, node, &spec) {
                continue;
            }
            let limit = limits::UPSTREAM_ITEMS;
            match key {
                "addresses" => {
                    let read = upstream::host_address;
                    let items = self.items(node, "a list of addresses", "an address", limit, read);
                    spec.addresses = items.into_iter().map(|(ip, _)| ip).collect();
                }
                "bootstrap" => spec.bootstrap = self.bootstrap(node),
                "ca_file" => spec.ca_file = self.path_of(node, "the path of a file in PEM"),
                "pin_sha256" => {
                    let items = self.items(node, "a list of pins", "a pin", limit, upstream::pin);
                    spec.pins = items.into_iter().map(|(pin, _)| pin).collect();
                }
                "server_name" => match &node.kind {
                    Kind::Text(text) if text.is_empty() => spec.tls_name = TlsName::Unsent,
                    Kind::Text(text) => match upstream::tls_name(text) {
                        Ok(name) => spec.tls_name = TlsName::Named(name),
                        Err(message) => self.defect(node.id, message),
                    },
                    _ => self.mistyped(node, "a host name, or \"\" to send none"),
                },
                _ => {}
            }
        }
        Some(spec)
    }

    /// Refuses a key that would silently do nothing.
    fn has_meaning(&mut self, key: &str, node: &Node, spec: &UpstreamSpec) -> bool {
        let url = &spec.url;
        let is_tls_key = matches!(key, "ca_file" | "pin_sha256" | "server_name");
        let is_place_key = matches!(key, "addresses" | "bootstrap");
        let message = if is_tls_key && !url.scheme.is_encrypted() {
            format!("{url} is not encrypted, so `{key}` means nothing; remove it, or use tls:// or https://")
        } else if is_place_key && matches!(url.host, Host::Address(_)) {
            format!("{url} names an address already, so `{key}` means nothing; remove it")
        } else {
            return true;
        };
        self.defect(node.id, message);
        false
    }
}
