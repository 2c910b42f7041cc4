//! SQL with names and parts of statements in the places of `{name}`.

/// Puts values in the places of `{name}`, in one pass: a value may contain anything.
pub(crate) fn render(template: &str, values: &[(&str, &str)]) -> String {
    let mut rest = template;
    let mut text = String::with_capacity(template.len() * 2);
    while let Some(begin) = rest.find('{') {
        let value = values.iter().find(|(name, _)| {
            rest[begin + 1..].strip_prefix(name).is_some_and(|after| after.starts_with('}'))
        });
        text.push_str(&rest[..begin]);
        if let Some((name, value)) = value {
            text.push_str(value);
            rest = &rest[begin + name.len() + 2..];
        } else {
            text.push('{');
            rest = &rest[begin + 1..];
        }
    }
    text.push_str(rest);
    text
}

/// The same SQL without comments and on one line: the driver finds a prepared statement by its
/// text, all of it, at each call.
pub(crate) fn compact(template: &str) -> String {
    let lines = template.lines().map(str::trim).filter(|line| !line.starts_with("--"));
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indents_are_left_out() {
        assert_eq!(compact("-- a\nSELECT 1\n    -- b\n    + 2\n"), "SELECT 1 + 2");
    }

    #[test]
    fn what_is_filled_in_is_not_filled_in_again() {
        let filled = render("{a} '{}' {b} {c}", &[("a", "{b}"), ("b", "{a}")]);
        assert_eq!(filled, "{b} '{}' {a} {c}");
    }
}
