namespace Topology.Saga;

/// <summary>A failed compensation, or a stuck step, that an operator must decide about. Immutable.</summary>
/// <param name="Id">
/// The letter's id: the first 128 bits, in lower-case hex, of the SHA-256 of saga, step and episode. Publishing it again is harmless.
/// </param>
/// <param name="SagaId">The saga.</param>
/// <param name="Tenant">Whom the saga is run for; <c>-</c> when nobody was named.</param>
/// <param name="Stuck">Whether a step after the pivot failed, rather than a compensation.</param>
/// <param name="Action">The compensation's registered name; <see langword="null"/> when <paramref name="Stuck"/>.</param>
/// <param name="Episode">How often this step was exhausted, from 1.</param>
/// <param name="Failure">What failed, and after how many tries.</param>
public sealed record SagaLetter(
    string Id, SagaId SagaId, string Tenant, bool Stuck, string? Action, int Episode, SagaFailure Failure);
