//! Counts in sentences: one is said in another way than many.

/// The word for so many: `try` of one, `tries` of any other number.
pub fn noun<'a>(count: impl TryInto<i64>, one: &'a str, many: &'a str) -> &'a str {
    if count.try_into().ok() == Some(1) { one } else { many }
}

/// `1 try`, `3 tries`.
pub fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", noun(count, one, many))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_said_in_another_way() {
        assert_eq!(counted(1, "try", "tries"), "1 try");
        assert_eq!(counted(0, "try", "tries"), "0 tries");
        assert_eq!(format!("{} known", noun(2_usize, "is", "are")), "are known");
    }
}
