namespace Topology.Benchmarks.Frame;

/// <summary>Medians of <see cref="PairedLoad"/>, per call.</summary>
/// <param name="Ratio">The median of the rounds' ratios of time, ours divided by the rival's.</param>
/// <param name="OursMicroseconds">Our time.</param>
/// <param name="RivalMicroseconds">The rival's time.</param>
/// <param name="OursBytes">What the process allocated during our calls.</param>
/// <param name="RivalBytes">What the process allocated during the rival's calls.</param>
internal sealed record PairedFigures(double Ratio, double OursMicroseconds, double RivalMicroseconds, double OursBytes, double RivalBytes);
