using FsCheck;
using FsCheck.Xunit;

namespace Topology.Saga.Tests;

public sealed class NamesTests
{
    [Fact]
    public void An_effect_key_has_the_contracted_form() =>
        Assert.Equal("acme:order_processing%2Fo-1:pay:undo:1", new SagaEffectKey("acme", new("order_processing", "o-1"), "pay", true, 1).ToString());

    [Fact]
    public void Parts_that_hold_separators_cannot_forge_another_key()
    {
        var honest = new SagaEffectKey("a", new("d", "x"), "pay", false, 1).ToString();

        Assert.NotEqual(honest, new SagaEffectKey("a:d%2Fx", new("d", "x"), "pay", false, 1).ToString());
        Assert.NotEqual(new SagaEffectKey("a:b", new("d", "c"), "s", false, 1).ToString(), new SagaEffectKey("a", new("b:d", "c"), "s", false, 1).ToString());
        Assert.NotEqual(new SagaEffectKey("t", new("d", "x:s"), "do", false, 1).ToString(), new SagaEffectKey("t", new("d", "x"), "s:do", false, 1).ToString());
    }

    [Property(MaxTest = 1_000)]
    public bool Different_parts_never_give_one_key(NonNull<string> t1, NonNull<string> i1, NonNull<string> s1, NonNull<string> t2, NonNull<string> i2, NonNull<string> s2)
    {
        var one = new SagaEffectKey(Clean(t1), new("d", Clean(i1)), Clean(s1), false, 1);
        var two = new SagaEffectKey(Clean(t2), new("d", Clean(i2)), Clean(s2), false, 1);
        return one == two == (one.ToString() == two.ToString());
    }

    [Theory]
    [InlineData("order/1", true)]
    [InlineData("order/a/b", true)]
    [InlineData("order/", false)]
    [InlineData("/1", false)]
    [InlineData("order", false)]
    [InlineData("order/a\u0001", false)]
    [InlineData(null, false)]
    public void A_saga_id_is_read_back_from_its_text(string? text, bool valid)
    {
        Assert.Equal(valid, SagaId.TryParse(text, out var id));
        if (valid)
        {
            Assert.Equal(text, id.ToString());
        }
    }

    // Uri.EscapeDataString maps every lone surrogate to one replacement; a saga id with one is a question for another test.
    private static string Clean(NonNull<string> text) => new([.. text.Get.Where(c => !char.IsSurrogate(c))]);
}
