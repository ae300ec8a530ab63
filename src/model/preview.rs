//! Link previews and crawlers, which follow links as visitors do.

/// Parts of the user agents of link previews and crawlers. Whole names: `bot` alone would catch
/// phones of the maker CUBOT.
const PREVIEWS: [&str; 30] = [
    "facebookexternalhit",
    "facebot",
    "meta-externalagent",
    "meta-externalfetcher",
    "twitterbot",
    "telegrambot",
    "whatsapp",
    "slackbot",
    "slack-imgproxy",
    "discordbot",
    "linkedinbot",
    "pinterestbot",
    "skypeuripreview",
    "vkshare",
    "viber",
    "redditbot",
    "embedly",
    "iframely",
    "googlebot",
    "google-inspectiontool",
    "adsbot-google",
    "bingbot",
    "bingpreview",
    "yandexbot",
    "baiduspider",
    "duckduckbot",
    "applebot",
    "bytespider",
    "gptbot",
    "claudebot",
];

/// Whether a user agent is a link preview or a crawler, which follows links and converts nothing.
pub fn is_preview(user_agent: &str) -> bool {
    let user_agent = user_agent.to_ascii_lowercase();
    PREVIEWS.iter().any(|preview| user_agent.contains(preview))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_known_and_people_are_not() {
        for user_agent in [
            "facebookexternalhit/1.1",
            "TelegramBot (like TwitterBot)",
            "WhatsApp/2.23",
            "Mozilla/5.0 (compatible; Googlebot/2.1)",
        ] {
            assert!(is_preview(user_agent), "{user_agent}");
        }
        for user_agent in [
            "",
            "Mozilla/5.0 (Linux; Android 10; CUBOT X18) AppleWebKit/537.36 Chrome/120",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) [FBAN/FBIOS;FBAV/440]",
        ] {
            assert!(!is_preview(user_agent), "{user_agent}");
        }
    }
}
