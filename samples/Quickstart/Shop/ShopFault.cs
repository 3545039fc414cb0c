using Topology.Saga;

namespace Quickstart.Shop;

/// <summary>How a system fails.</summary>
/// <param name="Refuses">Whether it refuses for certain; otherwise it cannot be reached.</param>
/// <param name="Times">How many calls fail; <see langword="null"/> for all.</param>
internal sealed record ShopFault(bool Refuses, int? Times = null)
{
    public void Throw(int number)
    {
        if (number <= (Times ?? int.MaxValue))
        {
            throw Refuses ? new SagaRejectedException("refused") : new HttpRequestException("503 service unavailable");
        }
    }
}
