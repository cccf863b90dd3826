//! The entries of `listen:`: an address or a URL as a text, or a mapping with a URL and what it cannot say.

use super::super::document::{Kind, Node};
use super::super::limits;
use super::super::listen::ListenUrl;
use super::super::values::Reader;

/// Keys of a listener that is a mapping.
pub(in crate::config) const LISTENER: &[&str] = &["private_only", "url"];

impl Reader {
    pub(super) fn listen(&mut self, node: &Node) {
        let listeners = match &node.kind {
            Kind::List(nodes) if nodes.iter().any(|item| matches!(item.kind, Kind::Map(_))) => {
                self.listener_list(node, nodes)
            }
            // What is no list is told in the words that every list has.
            _ => self.items(
                node,
                "a list of addresses",
                "an address",
                limits::LISTEN,
                str::parse::<ListenUrl>,
            ),
        };
        if !listeners.is_empty() {
            (self.config.listen, self.listen) = listeners.into_iter().unzip();
        }
    }

    fn listener_list(&mut self, node: &Node, nodes: &[Node]) -> Vec<(ListenUrl, u32)> {
        if nodes.len() as u64 > limits::LISTEN.max {
            let message = format!(
                "expected at most {} items, found {}",
                limits::LISTEN.max,
                nodes.len()
            );
            self.defect(node.id, message);
            return Vec::new();
        }
        let mut out: Vec<(ListenUrl, u32)> = Vec::new();
        for item in nodes {
            let Some(url) = self.listener(item) else { continue };
            match out.iter().find(|(earlier, _)| *earlier == url) {
                Some((_, first)) => self.repeated(item.id, format!("{url} is given twice"), *first),
                None => out.push((url, item.id)),
            }
        }
        out
    }

    fn listener(&mut self, node: &Node) -> Option<ListenUrl> {
        match &node.kind {
            Kind::Text(text) => self.listener_text(node, text),
            Kind::Map(_) => self.listener_mapping(node),
            Kind::List(_) => {
                self.mistyped(node, "an address; one that begins with `[` needs quotes");
                None
            }
            _ => {
                self.mistyped(node, "an address");
                None
            }
        }
    }

    fn listener_text(&mut self, node: &Node, text: &str) -> Option<ListenUrl> {
        match text.parse() {
            Ok(url) => Some(url),
            Err(error) => {
                self.defect(node.id, error.to_string());
                None
            }
        }
    }

    fn listener_mapping(&mut self, node: &Node) -> Option<ListenUrl> {
        let keys = self.section(node, "listen", LISTENER);
        let Some((_, url)) = keys.iter().find(|(key, _)| *key == "url") else {
            self.defect(
                node.id,
                "this listener has no `url`; write `url: https://0.0.0.0` into the mapping",
            );
            return None;
        };
        let Kind::Text(text) = &url.kind else {
            self.mistyped(url, "an address, or a URL such as https://0.0.0.0");
            return None;
        };
        let mut url = self.listener_text(url, text)?;
        for (_, node) in keys.into_iter().filter(|(key, _)| *key == "private_only") {
            url.private_only = self.switch(node)?;
            if url.private_only && !url.scheme.is_encrypted() {
                self.defect(
                    node.id,
                    format!(
                        "{url} is plain DNS, which carries no token, so nobody would be answered; remove \
                         `private_only`, or use tls://, https://, quic:// or h3://"
                    ),
                );
            }
        }
        Some(url)
    }
}
