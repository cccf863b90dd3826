//! HTML from templates: `{name}` becomes a value, escaped, or a piece of HTML that was made here before.
//!
//! Whoever writes a template or a [`super::words`] entry is trusted, whoever names a zone or a device is not.

use std::fmt::Write as _;

/// What stands in the place of a name.
#[derive(Debug, Clone)]
enum Value {
    Text(String),
    Html(String),
}

/// Values by name. Where a name has none, `words` is asked.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    values: Vec<(&'static str, Value)>,
    words: fn(&str) -> Option<&'static str>,
}

impl Values {
    pub(crate) fn new(words: fn(&str) -> Option<&'static str>) -> Self {
        Values {
            values: Vec::new(),
            words,
        }
    }

    /// A value that anybody may have chosen.
    pub(crate) fn text(&mut self, name: &'static str, text: impl ToString) -> &mut Self {
        self.put(name, Value::Text(text.to_string()))
    }

    /// A value that is HTML already.
    pub(crate) fn html(&mut self, name: &'static str, html: String) -> &mut Self {
        self.put(name, Value::Html(html))
    }

    fn put(&mut self, name: &'static str, value: Value) -> &mut Self {
        self.values.retain(|(held, _)| *held != name);
        self.values.push((name, value));
        self
    }

    /// The template with everything in its place. A name that is not known stays as it is, which a test looks for.
    pub(crate) fn fill(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() * 2);
        let mut rest = template;
        while let Some((before, behind)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, after)) = behind.split_once('}') else {
                out.push('{');
                rest = behind;
                continue;
            };
            match self.values.iter().find(|(held, _)| *held == name) {
                Some((_, Value::Text(text))) => escape(&mut out, text),
                Some((_, Value::Html(html))) => out.push_str(html),
                // What stands in words has names in it too, but never its own.
                None => match (self.words)(name) {
                    Some(word) => out.push_str(&self.fill(word)),
                    None => {
                        let _ = write!(out, "{{{name}}}");
                    }
                },
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// Text as HTML shows it, also inside quoted attributes. Control characters, which HTML may not hold and which turn
/// lines around, are left out.
pub(crate) fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What turns the direction of the text around it (Unicode TR 9).
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(name: &str) -> Option<&'static str> {
        (name == "greeting").then_some("Hello <b>{who}</b>")
    }

    #[test]
    fn values_are_escaped_and_words_are_filled_in() {
        let mut values = Values::new(words);
        values.text("who", "<i a='b' c=\"d\">&\u{7}\u{202e}\n");
        values.html("mark", "<hr>".to_owned());
        assert_eq!(
            values.fill("{mark}{greeting} {unknown} { {who"),
            "<hr>Hello <b>&lt;i a=&#39;b&#39; c=&quot;d&quot;&gt;&amp;\n</b> {unknown} { {who"
        );
    }

    #[test]
    fn what_a_value_holds_is_no_template() {
        let mut values = Values::new(words);
        values.text("who", "{greeting}");
        assert_eq!(values.fill("{greeting}"), "Hello <b>{greeting}</b>");
    }
}
