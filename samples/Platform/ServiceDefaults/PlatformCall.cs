namespace Platform.ServiceDefaults;

/// <summary>One allowed connection of the platform.</summary>
/// <param name="From">Who opens it.</param>
/// <param name="To">Who is called.</param>
/// <param name="Port">On which port.</param>
public sealed record PlatformCall(string From, string To, int Port);
