//! A space's figures (docs/dashboard.md): the period in the space's own time zone, the sums over
//! it, and how amounts are written. Pure: the clock and the zone's offsets are arguments.

pub mod before;
pub mod by_link;
pub mod change;
pub mod conversion;
pub mod money;
pub mod period;
pub mod scale;
pub mod sums;
pub mod zone;

pub use before::Before;
pub use change::Change;
pub use period::{Asked, Span};
pub use sums::{Counted, Figures, Group, Line, Sum, Totals};
pub use zone::Zone;
