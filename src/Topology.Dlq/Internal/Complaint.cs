using Microsoft.Extensions.Logging;

namespace Topology.Dlq.Internal;

/// <summary>A trouble is said when it begins and when it changes; while it lasts, only to those who debug. For one loop.</summary>
internal sealed class Complaint
{
    private string? _said;

    public LogLevel Level(LogLevel level, Exception error)
    {
        var known = error.Message == _said;
        _said = error.Message;
        return known ? LogLevel.Debug : level;
    }

    public void Over() => _said = null;
}
