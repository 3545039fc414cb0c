namespace Topology.Idempotency;

/// <summary>Why a text is not an idempotency key.</summary>
public enum IdempotencyKeyError
{
    /// <summary>The text is a key.</summary>
    None,

    /// <summary>It does not start with <c>idempotency:</c>.</summary>
    WrongPrefix,

    /// <summary>It does not have exactly six parts.</summary>
    WrongPartCount,

    /// <summary>A part is empty.</summary>
    EmptyPart,

    /// <summary>A part is longer than <see cref="IdempotencyKey.MaxPartLength"/>.</summary>
    PartTooLong,

    /// <summary>A part holds a character that has to be percent-encoded, or an encoding the format would not have written.</summary>
    BadEscape,

    /// <summary>The time is not a whole number of seconds from 0 to 253402300799 without sign, space or leading zero.</summary>
    BadTimestamp,
}
