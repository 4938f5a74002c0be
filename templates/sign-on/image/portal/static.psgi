# The portal's own images, styles and scripts.
use strict;
use warnings;
use Plack::App::File;

my $files = Plack::App::File->new( root => '/usr/share/lemonldap-ng/portal/htdocs/static' )->to_app;
sub {
    my ($env) = @_;
    my $answer = $files->($env);
    push @{ $answer->[1] }, 'Cache-Control' => 'public, max-age=86400' if $answer->[0] == 200;
    return $answer;
};
