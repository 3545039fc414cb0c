using System.Diagnostics;
using System.Globalization;

namespace Quickstart.Stories;

/// <summary>Prints what happens while it happens, one line at a time, each with its time and story.</summary>
internal sealed class Account(TextWriter output)
{
    private readonly Lock _lock = new();
    private readonly long _start = Stopwatch.GetTimestamp();

    public void Say(string story, string text)
    {
        lock (_lock)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_start).TotalSeconds,6:0.00}s  {story,-26}  {text}"));
        }
    }

    public void Line(string text = "")
    {
        lock (_lock)
        {
            output.WriteLine(text);
        }
    }
}
