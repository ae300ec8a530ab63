//! The guide: what stands between a new space and its first real deposit, step by step (docs/dashboard.md, The guide).

/// A step, in the order in which they are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Network,
    Postback,
    Test,
    Link,
    Destination,
    Deposit,
}

impl Step {
    pub const ALL: [Self; 6] =
        [Self::Network, Self::Postback, Self::Test, Self::Link, Self::Destination, Self::Deposit];

    /// Its word in the database and in forms.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Postback => "postback",
            Self::Test => "test",
            Self::Link => "link",
            Self::Destination => "destination",
            Self::Deposit => "deposit",
        }
    }

    /// Reads the word for a step.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == word)
    }
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    Open,
    Done,
    /// Somebody has said that they do not need it.
    Waved,
}

/// A space's guide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guide([(Step, Progress); 6]);

impl Guide {
    /// From what is there: what is done is done, whatever was said of it.
    pub fn new(is_done: impl Fn(Step) -> bool, is_waved: impl Fn(Step) -> bool) -> Self {
        Self(Step::ALL.map(|step| match (is_done(step), is_waved(step)) {
            (true, _) => (step, Progress::Done),
            (false, true) => (step, Progress::Waved),
            (false, false) => (step, Progress::Open),
        }))
    }

    pub fn steps(&self) -> &[(Step, Progress)] {
        &self.0
    }

    /// The step to take now; `None` where none is left.
    pub fn next(&self) -> Option<Step> {
        let mut steps = self.0.iter();
        steps.find(|(_, progress)| *progress == Progress::Open).map(|(step, _)| *step)
    }

    /// Steps that need nobody any more.
    pub fn settled(&self) -> usize {
        self.0.iter().filter(|(_, progress)| *progress != Progress::Open).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_step_is_the_first_that_is_neither_done_nor_waved_away() {
        let next = |done: &[Step], waved: &[Step]| {
            Guide::new(|step| done.contains(&step), |step| waved.contains(&step)).next()
        };
        assert_eq!(next(&[], &[]), Some(Step::Network));
        assert_eq!(next(&[Step::Network, Step::Test], &[]), Some(Step::Postback));
        assert_eq!(next(&[Step::Network], &[Step::Postback, Step::Test]), Some(Step::Link));
        assert_eq!(next(&[], &Step::ALL), None);
        assert_eq!(next(&Step::ALL, &[]), None);
    }

    #[test]
    fn what_is_done_counts_as_done_though_it_was_waved_away() {
        let guide = Guide::new(|step| step == Step::Link, |_| true);
        let link = guide.steps().iter().find(|(step, _)| *step == Step::Link);
        assert_eq!(link, Some(&(Step::Link, Progress::Done)));
        assert_eq!(guide.settled(), 6);
    }

    #[test]
    fn every_step_is_read_by_its_own_word() {
        assert!(Step::ALL.iter().all(|step| Step::parse(step.name()) == Some(*step)));
        assert_eq!(Step::parse("other"), None);
    }
}
