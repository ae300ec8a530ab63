//! Parameters that an HTML entity swallowed into the value before them.

/// Characters that a browser or a chat app makes of an `&` with a name behind it, when a link is
/// pasted as unescaped HTML: `&currency=` begins with the entity `&curren` and arrives as `¤cy=`.
const ENTITIES: [(char, &str); 12] = [
    ('¤', "curren"),
    ('®', "reg"),
    ('¶', "para"),
    ('×', "times"),
    ('§', "sect"),
    ('¬', "not"),
    ('©', "copy"),
    ('µ', "micro"),
    ('¢', "cent"),
    ('£', "pound"),
    ('¥', "yen"),
    ('°', "deg"),
];

/// `25¤cy=USD` is the value `25` and the pair `currency=USD`.
pub fn split(text: &str) -> (String, Vec<(String, String)>) {
    for (index, character) in text.char_indices() {
        let Some((_, entity)) = ENTITIES.iter().find(|(sign, _)| *sign == character) else {
            continue;
        };
        let rest = text.get(index + character.len_utf8()..).unwrap_or_default();
        let Some((name, value)) = rest.split_once('=') else { continue };
        if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let (value, mut swallowed) = split(value);
            swallowed.insert(0, (format!("{entity}{name}"), value));
            return (text.get(..index).unwrap_or_default().to_owned(), swallowed);
        }
    }
    (text.to_owned(), Vec::new())
}
